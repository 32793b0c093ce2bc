import { randomUUID } from 'node:crypto';
import type { AnonymousPrincipal, Call, Principal } from '../../api/call.ts';
import { ApiError } from '../../api/errors.ts';
import { type OperationModel, serviceModel } from '../../models/models.ts';
import { ec2Answer, ec2Request } from './ec2-elements.ts';
import { Elements, lowerFirst, quoted } from './elements.ts';
import type { JsonObject } from './event.ts';
import { foreignIdentity, userIdentity, webIdentity } from './identity.ts';
import { isDataEvent, isReadOnly, showsAnswer } from './read-only.ts';
import { otherMask } from './secrets.ts';
import { elementTime, eventTime } from './times.ts';

/** A call as the record needs it; `input` is absent when it could not be read. */
export type RecordedCall = Omit<Call, 'input'> & { readonly input?: Record<string, unknown> };

/** What was answered: the operation's output, or what it threw. */
export type Outcome = { readonly output: unknown } | { readonly error: unknown };

const eventVersion = '1.11';

/** Characters of an element; a longer one is left out, as AWS does with more than 100 KB. */
const longestElement = 100 * 1024;
const omitted = '{"omitted":true}';

/** Where the events of global services are, whatever the Region that the caller signed for. */
export const globalRegion = 'us-east-1';

/**
 * The events of a call, as JSON texts of one line each: one in the caller's account, and when a role of another
 * account was assumed or its key used, one there. A call that nobody signed has one when it succeeds, where its role is: otherwise
 * anyone could fill an account's record.
 * @param now milliseconds since the epoch, when the call was completed
 * @see https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
 */
export function eventsOf(call: RecordedCall, outcome: Outcome, now: number): string[] {
  const { principal } = call;
  const touched = 'output' in outcome ? touchedResource(call, outcome.output) : undefined;
  const owner = touched?.accountId;
  const witnesses: [account: string, identity: string][] = [];
  if (principal.type !== 'anonymous') witnesses.push([principal.account, identityText(principal)]);
  if (owner !== undefined && owner !== principal.account && 'output' in outcome) {
    const identity = principal.type === 'anonymous' ? webIdentity(outcome.output ?? {}) : foreignIdentity(principal);
    witnesses.push([owner, JSON.stringify(identity)]);
  }
  const model = serviceModel(call.service)?.operation(call.operation);
  const parts: Parts = {
    request: requestText(call, model),
    answer: 'output' in outcome ? answerText(call, model, outcome.output) : 'null',
    error: 'error' in outcome ? errorText(call, outcome.error) : '',
    now,
    resources: touched === undefined ? [] : [touched],
    ...(witnesses.length > 1 && { sharedEventID: randomUUID() }),
  };
  return witnesses.map(([account, identity]) => eventText(call, identity, account, parts));
}

interface Parts {
  /** JSON. */
  readonly request: string;
  readonly answer: string;
  /** Members of the event, or nothing. */
  readonly error: string;
  readonly now: number;
  readonly resources: readonly JsonObject[];
  readonly sharedEventID?: string;
}

/** An event in the order of AWS's members. Put together as text: this is done for every call. */
function eventText(call: RecordedCall, identity: string, recipient: string, parts: Parts): string {
  const { service, operation, region, sourceAddress, userAgent, requestId } = call;
  const { request, answer, error, now, resources, sharedEventID } = parts;
  const isData = isDataEvent(service, operation);
  return (
    `{"eventVersion":"${eventVersion}","userIdentity":${identity},"eventTime":"${eventTime(now)}",` +
    `"eventSource":"${eventSource(service)}","eventName":"${operation}",` +
    `"awsRegion":"${service === 'iam' ? globalRegion : region}","sourceIPAddress":${quoted(sourceAddress)},` +
    `"userAgent":${quoted(userAgent)},${error}"requestParameters":${request},"responseElements":${answer},` +
    `"requestID":"${requestId}","eventID":"${eventId(now)}","readOnly":${isReadOnly(service, operation)},` +
    `${resources.length > 0 ? `"resources":${JSON.stringify(resources)},` : ''}"eventType":"AwsApiCall",` +
    `"managementEvent":${!isData},"recipientAccountId":"${recipient}",` +
    `${sharedEventID === undefined ? '' : `"sharedEventID":"${sharedEventID}",`}` +
    `"eventCategory":"${isData ? 'Data' : 'Management'}"}`
  );
}

/** The name under which events have a service, where it is not its own. */
export function eventSource(service: string): string {
  return `${service === 'cloudwatch' ? 'monitoring' : service}.amazonaws.com`;
}

/** A UUID of version 7: its first 48 bits are the milliseconds, by which an event is found again. */
export function eventId(now: number): string {
  const time = now.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

const identities = new WeakMap<Principal, string>();

function identityText(principal: Exclude<Principal, AnonymousPrincipal>): string {
  let text = identities.get(principal);
  if (text === undefined) {
    text = JSON.stringify(userIdentity(principal));
    identities.set(principal, text);
  }
  return text;
}

/** What a call used that may be another account's: the role that was assumed, or the key. */
function touchedResource(
  call: RecordedCall,
  output: unknown,
): { accountId: string; type: string; ARN: string } | undefined {
  const role = assumedRole(call);
  if (role !== undefined) return { accountId: role.split(':')[4] ?? '', type: 'AWS::IAM::Role', ARN: role };
  const key = call.service === 'kms' ? usedKey(output) : undefined;
  return key === undefined ? undefined : { accountId: key.split(':')[4] ?? '', type: 'AWS::KMS::Key', ARN: key };
}

/** Answers of KMS name their key by its ARN. */
function usedKey(output: unknown): string | undefined {
  const { KeyId, KeyMetadata } = (output ?? {}) as { KeyId?: unknown; KeyMetadata?: { Arn?: unknown } };
  const named = KeyMetadata?.Arn ?? KeyId;
  return typeof named === 'string' && named.startsWith('arn:aws:kms:') ? named : undefined;
}

function assumedRole({ service, operation, input }: RecordedCall): string | undefined {
  if (service !== 'sts' || !/^AssumeRole(?:WithWebIdentity)?$/.test(operation)) return undefined;
  return typeof input?.RoleArn === 'string' ? input.RoleArn : undefined;
}

const others = new Elements({
  mask: otherMask,
  member: ({ name }) => ({ name: lowerFirst(name) }),
  list: items => `[${items.join(',')}]`,
  time: elementTime,
});

function requestText({ service, input }: RecordedCall, model: OperationModel | undefined): string {
  if (model?.input === undefined || input === undefined) return 'null';
  if (service === 'ec2') return elementText(ec2Request(model, input));
  return elementText(others.encoder(model.input)(input));
}

function answerText(
  { service, operation, requestId }: RecordedCall,
  model: OperationModel | undefined,
  output: unknown,
) {
  if (model === undefined || !showsAnswer(service, operation)) return 'null';
  if (service === 'ec2') return elementText(ec2Answer(model, output, requestId));
  if (model.output === undefined) return 'null';
  return elementText(others.encoder(model.output)(output ?? {}));
}

function elementText(text: string): string {
  // Elements of these services that have nothing in them are null.
  if (text === '{}') return 'null';
  return text.length > longestElement ? omitted : text;
}

function errorText({ service }: RecordedCall, error: unknown): string {
  const known = error instanceof ApiError;
  const code = known ? error.code : 'InternalError';
  const message = known ? error.message : 'An internal error has occurred';
  let shown = code;
  if (service === 'ec2') shown = `${!known || error.status >= 500 ? 'Server' : 'Client'}.${code}`;
  else shown = serviceModel(service)?.error(code)?.shapeName ?? code;
  return `"errorCode":${JSON.stringify(shown)},"errorMessage":${JSON.stringify(message.slice(0, 1024 * 4))},`;
}
