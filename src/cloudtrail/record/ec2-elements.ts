import type { OperationModel } from '../../models/models.ts';
import type { StructureShape } from '../../models/shapes.ts';
import { soapActions } from './ec2-soap-actions.ts';
import { Elements, type Encoder, joined, lowerFirst, quoted, type Style } from './elements.ts';
import { ec2Mask } from './secrets.ts';

/*
 * EC2 writes events in two forms. Actions that its SOAP API had keep the names of that: lists are sets with `items`,
 * `{"instancesSet":{"items":[{"instanceId":"i-…"}]}}`. Later ones show request and answer as they were sent, below
 * `NAMERequest` and `NAMEResponse`; of a list each element has its number in `tag`, of one element it is the element.
 */

/** Sets of requests: by the query's name of the list, that of the set and of what a plain value in it is called. */
const sets: Readonly<Record<string, readonly [set: string, item?: string]>> = {
  AllocationId: ['allocationIdsSet', 'allocationId'],
  AttributeName: ['accountAttributeNameSet', 'attributeName'],
  DhcpConfiguration: ['dhcpConfigurationSet'],
  DhcpOptionsId: ['dhcpOptionsSet', 'dhcpOptionsId'],
  ExecutableBy: ['executableBySet', 'user'],
  Filter: ['filterSet'],
  GroupId: ['securityGroupIdSet', 'groupId'],
  GroupName: ['securityGroupSet', 'groupName'],
  ImageId: ['imagesSet', 'imageId'],
  InstanceId: ['instancesSet', 'instanceId'],
  InternetGatewayId: ['internetGatewayIdSet', 'internetGatewayId'],
  KeyName: ['keySet', 'keyName'],
  KeyPairId: ['keyPairIdSet', 'keyPairId'],
  NetworkAclId: ['networkAclIdSet', 'networkAclId'],
  NetworkInterface: ['networkInterfaceSet'],
  NetworkInterfaceId: ['networkInterfaceIdSet', 'networkInterfaceId'],
  Owner: ['ownersSet', 'owner'],
  PublicIp: ['publicIpsSet', 'publicIp'],
  RegionName: ['regionSet', 'regionName'],
  ResourceId: ['resourcesSet', 'resourceId'],
  RestorableBy: ['restorableBySet', 'user'],
  RouteTableId: ['routeTableIdSet', 'routeTableId'],
  SecurityGroup: ['groupSet', 'groupName'],
  SecurityGroupId: ['groupSet', 'groupId'],
  SnapshotId: ['snapshotSet', 'snapshotId'],
  SubnetId: ['subnetSet', 'subnetId'],
  Tag: ['tagSet'],
  TagSpecification: ['tagSpecificationSet'],
  Value: ['valueSet', 'value'],
  VolumeId: ['volumeSet', 'volumeId'],
  VpcId: ['vpcSet', 'vpcId'],
  VpcPeeringConnectionId: ['vpcPeeringConnectionIdSet', 'vpcPeeringConnectionId'],
  ZoneId: ['availabilityZoneIdSet', 'zoneId'],
  ZoneName: ['availabilityZoneSet', 'zoneName'],
};

const itemsOf = (items: readonly string[]): string => (items.length === 0 ? '{}' : `{"items":[${items.join(',')}]}`);
const milliseconds = (time: Date): number => time.getTime();

const soapRequest: Style = {
  mask: ec2Mask,
  member: ({ name: member, queryName, shape }, of) => {
    if (member === 'DryRun') return undefined;
    if (shape.kind !== 'list') return { name: lowerFirst(queryName) };
    // The tags of a specification are the one list without `items`.
    if (of.name === 'TagSpecification' && member === 'Tags') return { name: 'tags', encode: plainTags };
    const [name, item = lowerFirst(queryName)] = sets[queryName] ?? [lowerFirst(queryName)];
    if (['structure', 'list', 'map'].includes(shape.member.kind)) return { name };
    const encode: Encoder = value =>
      itemsOf((value as unknown[]).map(one => `{"${item}":${typeof one === 'string' ? quoted(one) : one}}`));
    return { name, encode };
  },
  list: itemsOf,
  time: milliseconds,
};

const plainTags: Encoder = value =>
  JSON.stringify((value as { Key?: string; Value?: string }[]).map(({ Key, Value }) => ({ key: Key, value: Value })));

const soapAnswer: Style = {
  mask: ec2Mask,
  member: ({ xmlName }) => ({ name: xmlName === 'return' ? '_return' : xmlName }),
  list: itemsOf,
  time: milliseconds,
};

const numbered: Style['list'] = (items, isPlain) => {
  const all = items.map((item, at) => {
    const tag = `{"tag":${at + 1}}`;
    return joined(tag, isPlain ? `{"content":${item}}` : item);
  });
  return all.length === 1 ? (all[0] ?? '') : `[${all.join(',')}]`;
};

const laterRequest: Style = {
  mask: ec2Mask,
  member: ({ queryName }) => (queryName === 'DryRun' ? undefined : { name: queryName }),
  list: numbered,
  time: time => time.toISOString(),
};

const laterAnswer: Style = {
  mask: ec2Mask,
  member: ({ xmlName }) => ({ name: xmlName }),
  list: items => (items.length === 0 ? '""' : `{"item":${items.length === 1 ? items[0] : `[${items.join(',')}]`}}`),
  time: time => time.toISOString(),
};

const styles = {
  soapRequest: new Elements(soapRequest),
  soapAnswer: new Elements(soapAnswer),
  laterRequest: new Elements(laterRequest),
  laterAnswer: new Elements(laterAnswer),
};

/** `requestParameters` of a call of EC2, as JSON text. */
export function ec2Request(operation: OperationModel, input: Record<string, unknown>): string {
  const { name, input: shape } = operation;
  if (shape === undefined) return 'null';
  if (!soapActions.has(name)) return `{"${name}Request":${styles.laterRequest.encoder(shape)(input)}}`;
  const encode = styles.soapRequest.encoder(shape);
  if (name === 'RunInstances') {
    // What SOAP said of each instance stands in a set of its own.
    const { ImageId, MinCount, MaxCount, KeyName, ...rest } = input;
    const instance = encode({ ImageId, MinCount, MaxCount, KeyName });
    return joined(`{"instancesSet":${itemsOf([instance])}}`, encode(rest));
  }
  const request = encode(input);
  return name.startsWith('Describe') ? withEmptySets(shape, input, request) : request;
}

/** Sets that were not given stand there as well. */
function withEmptySets(shape: StructureShape, input: Record<string, unknown>, request: string): string {
  let text = request.slice(0, -1);
  for (const [member, empty] of setsOf(shape)) {
    if (input[member] === undefined) text += `${text === '{' ? '' : ','}${empty}`;
  }
  return `${text}}`;
}

const setsByShape = new WeakMap<StructureShape, (readonly [member: string, empty: string])[]>();

/** The members of a request that are sets, and how each stands there when it is empty. */
function setsOf(shape: StructureShape): (readonly [member: string, empty: string])[] {
  let found = setsByShape.get(shape);
  if (found === undefined) {
    found = shape.members.flatMap(({ name, queryName, shape: { kind } }) => {
      const set = kind === 'list' ? sets[queryName]?.[0] : undefined;
      return set === undefined ? [] : [[name, `"${set}":{}`] as const];
    });
    setsByShape.set(shape, found);
  }
  return found;
}

/** `responseElements` of a call of EC2 that changes something, as JSON text. */
export function ec2Answer(operation: OperationModel, output: unknown, requestId: string): string {
  const { name, output: shape } = operation;
  const members = output ?? {};
  const request = `{"requestId":"${requestId}"}`;
  if (!soapActions.has(name)) {
    const answer = shape === undefined ? '{"return":true}' : styles.laterAnswer.encoder(shape)(members);
    return `{"${name}Response":${joined('{"xmlns":"http://ec2.amazonaws.com/doc/2016-11-15/"}', request, answer)}}`;
  }
  if (shape === undefined) return joined(request, '{"_return":true}');
  const returns = shape.members.some(member => member.name === 'Return');
  return joined(request, returns ? '{"_return":true}' : '{}', styles.soapAnswer.encoder(shape)(members));
}
