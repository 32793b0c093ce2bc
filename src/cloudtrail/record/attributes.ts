import { lowerFirst } from './elements.ts';
import type { Json, JsonObject, TrailEvent } from './event.ts';
import { userNameOf } from './identity.ts';

/** A resource that an event tells of, as LookupEvents names it. */
export interface EventResource {
  /** `AWS::EC2::Instance` … */
  readonly type: string;
  readonly name: string;
}

/** By what LookupEvents finds events. @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupAttribute.html */
export const attributeKeys = [
  'EventId',
  'EventName',
  'ReadOnly',
  'Username',
  'ResourceType',
  'ResourceName',
  'EventSource',
  'AccessKeyId',
] as const;
export type AttributeKey = (typeof attributeKeys)[number];

/** The values under which an event is found by an attribute. */
export function attributeValues(event: TrailEvent, key: AttributeKey): string[] {
  switch (key) {
    case 'EventId':
      return [event.eventID];
    case 'EventName':
      return [event.eventName];
    case 'ReadOnly':
      return [String(event.readOnly)];
    case 'EventSource':
      return [event.eventSource];
    case 'Username':
      return present(userNameOf(event.userIdentity));
    case 'AccessKeyId':
      return present(event.userIdentity.accessKeyId);
    case 'ResourceType':
      return resourcesOf(event).map(resource => resource.type);
    case 'ResourceName':
      return resourcesOf(event).map(resource => resource.name);
  }
}

const present = (value: string | undefined): string[] => (value === undefined ? [] : [value]);

/** Resource types by the members that name the resource. */
const ec2Members: Readonly<Record<string, string>> = {
  allocationId: 'AWS::EC2::EIP',
  dhcpOptionsId: 'AWS::EC2::DHCPOptions',
  groupId: 'AWS::EC2::SecurityGroup',
  imageId: 'AWS::EC2::Ami',
  instanceId: 'AWS::EC2::Instance',
  internetGatewayId: 'AWS::EC2::InternetGateway',
  keyName: 'AWS::EC2::KeyPair',
  launchTemplateId: 'AWS::EC2::LaunchTemplate',
  natGatewayId: 'AWS::EC2::NatGateway',
  networkAclId: 'AWS::EC2::NetworkAcl',
  networkInterfaceId: 'AWS::EC2::NetworkInterface',
  publicIp: 'AWS::EC2::EIP',
  routeTableId: 'AWS::EC2::RouteTable',
  securityGroupId: 'AWS::EC2::SecurityGroup',
  snapshotId: 'AWS::EC2::Snapshot',
  subnetId: 'AWS::EC2::Subnet',
  volumeId: 'AWS::EC2::Volume',
  vpcId: 'AWS::EC2::VPC',
  vpcPeeringConnectionId: 'AWS::EC2::VPCPeeringConnection',
};

const iamMembers: Readonly<Record<string, string>> = {
  accessKeyId: 'AWS::IAM::AccessKey',
  groupName: 'AWS::IAM::Group',
  instanceProfileName: 'AWS::IAM::InstanceProfile',
  policyArn: 'AWS::IAM::Policy',
  policyName: 'AWS::IAM::Policy',
  roleArn: 'AWS::IAM::Role',
  roleName: 'AWS::IAM::Role',
  userName: 'AWS::IAM::User',
};

const members: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'ec2.amazonaws.com': ec2Members,
  'ebs.amazonaws.com': ec2Members,
  'ec2-instance-connect.amazonaws.com': ec2Members,
  'iam.amazonaws.com': iamMembers,
  'sts.amazonaws.com': iamMembers,
  'kms.amazonaws.com': {
    aliasName: 'AWS::KMS::Alias',
    destinationKeyId: 'AWS::KMS::Key',
    keyId: 'AWS::KMS::Key',
    sourceKeyId: 'AWS::KMS::Key',
    targetKeyId: 'AWS::KMS::Key',
  },
  'cloudtrail.amazonaws.com': {
    name: 'AWS::CloudTrail::Trail',
    trailARN: 'AWS::CloudTrail::Trail',
    trailName: 'AWS::CloudTrail::Trail',
    s3BucketName: 'AWS::S3::Bucket',
  },
};

/** Types by the prefixes of ids, for members that name resources of any type. */
const prefixes: Readonly<Record<string, string>> = {
  ami: 'AWS::EC2::Ami',
  eipalloc: 'AWS::EC2::EIP',
  eni: 'AWS::EC2::NetworkInterface',
  i: 'AWS::EC2::Instance',
  igw: 'AWS::EC2::InternetGateway',
  rtb: 'AWS::EC2::RouteTable',
  sg: 'AWS::EC2::SecurityGroup',
  snap: 'AWS::EC2::Snapshot',
  subnet: 'AWS::EC2::Subnet',
  vol: 'AWS::EC2::Volume',
  vpc: 'AWS::EC2::VPC',
};

/** The resources that the request or the answer of an event names, each once. */
export function resourcesOf(event: TrailEvent): EventResource[] {
  const types = members[event.eventSource];
  const found = new Map<string, EventResource>();
  const add = (type: string | undefined, name: string): void => {
    if (type !== undefined && name !== '') found.set(`${type} ${name}`, { type, name });
  };
  for (const { type, ARN } of event.resources ?? []) add(type, ARN);
  const walk = (member: string, value: Json): void => {
    if (typeof value === 'string') {
      add(types?.[lowerFirst(member)] ?? (/^resourceId$/i.test(member) ? typeOfId(value) : undefined), value);
    } else if (Array.isArray(value)) {
      for (const item of value) walk(member, item);
    } else if (typeof value === 'object' && value !== null) {
      const object = value as JsonObject;
      // The element of a numbered list has its value in `content`.
      for (const name in object) walk(name === 'content' ? member : name, object[name] ?? null);
    }
  };
  if (types !== undefined) {
    walk('', event.requestParameters);
    walk('', event.responseElements);
  }
  return [...found.values()];
}

const typeOfId = (id: string): string | undefined => prefixes[id.slice(0, id.indexOf('-'))];
