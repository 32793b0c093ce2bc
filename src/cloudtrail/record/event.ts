/**
 * One record of CloudTrail, with the members that Fogbank writes. What is kept and given out is its JSON text.
 * @see https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
 */
export interface TrailEvent {
  readonly eventVersion: string;
  readonly userIdentity: UserIdentity;
  /** `YYYY-MM-DDTHH:MM:SSZ`: when the call was completed. */
  readonly eventTime: string;
  readonly eventSource: string;
  readonly eventName: string;
  readonly awsRegion: string;
  readonly sourceIPAddress: string;
  readonly userAgent: string;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly requestParameters: JsonObject | null;
  readonly responseElements: JsonObject | null;
  readonly additionalEventData?: JsonObject;
  readonly requestID: string;
  readonly eventID: string;
  readonly readOnly: boolean;
  readonly resources?: readonly { readonly accountId: string; readonly type: string; readonly ARN: string }[];
  readonly eventType: 'AwsApiCall' | 'AwsServiceEvent';
  readonly managementEvent: boolean;
  readonly recipientAccountId: string;
  /** The same in the events that one call has in several accounts. */
  readonly sharedEventID?: string;
  readonly eventCategory: 'Management' | 'Data';
}

export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [member: string]: Json;
}

/** @see https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html */
export interface UserIdentity {
  readonly type: 'Root' | 'IAMUser' | 'AssumedRole' | 'FederatedUser' | 'WebIdentityUser' | 'AWSAccount' | 'AWSService';
  readonly principalId?: string;
  readonly arn?: string;
  readonly accountId?: string;
  readonly accessKeyId?: string;
  readonly userName?: string;
  readonly identityProvider?: string;
  readonly sessionContext?: SessionContext;
  readonly invokedBy?: string;
}

export interface SessionContext {
  readonly sessionIssuer?: {
    readonly type: 'Root' | 'IAMUser' | 'Role';
    readonly principalId?: string;
    readonly arn: string;
    readonly accountId: string;
    readonly userName?: string;
  };
  readonly webIdFederationData?: { readonly federatedProvider: string; readonly attributes: Record<string, string> };
  readonly attributes: { readonly creationDate: string; readonly mfaAuthenticated: 'true' | 'false' };
  readonly sourceIdentity?: string;
  /** Which version of the metadata service gave the credentials to an instance. */
  readonly ec2RoleDelivery?: '2.0';
}
