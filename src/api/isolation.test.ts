import { beforeAll, expect, it } from 'vitest';
import { images } from '../ec2/images/model.ts';
import { replaceRootVolumeTasks } from '../ec2/replace-root-volume/model.ts';
import { addVolume } from '../ec2/snapshots/testing.ts';
import { launch } from '../ec2/testing.ts';
import { serviceModel } from '../models/models.ts';
import type { Member, Shape, StructureShape } from '../models/shapes.ts';
import { operations } from '../operations.ts';
import { tables } from '../tables.ts';
import { document } from './access-testing.ts';
import type { AnyOperation } from './operation.ts';
import { createTestApi, type TestApi } from './testing.ts';

/*
 * One account has something of everything. Another one calls every operation, names what the first has wherever an
 * operation takes an id, a name or an ARN, and must neither learn of it nor change it.
 */

const victim = '111122223333';
const stranger = '444455556666';
/** Stands in descriptions and tags of the victim's, and nowhere else. */
const secret = 'nobody-else-may-read-this';

/** Operations that tell of other accounts on AWS, too. */
const exempt = new Set(['sts:GetAccessKeyInfo']);

let api: TestApi;
/** Values for members, by what their names end with; longer endings first. */
let known: readonly (readonly [ending: string, value: string])[];
/** What no answer to the stranger may have in it. */
let marks: string[];

beforeAll(async () => {
  api = createTestApi();
  const account = { account: victim };
  const iam = { service: 'iam', account: victim };
  const Tags = [{ Key: 'note', Value: secret }];
  const tagged = (ResourceType: string) => ({ TagSpecifications: [{ ResourceType, Tags }] });
  const call = <Output>(operation: string, input: object = {}, options: object = account) =>
    api.call<Output>(operation, input, options);

  // Before anybody gets an address of it by chance.
  const brought = await call<{ ByoipCidr: { PoolId: string } }>('ProvisionByoipCidr', {
    Cidr: '198.18.55.0/24',
    Description: secret,
  });
  const poolId = brought.ByoipCidr.PoolId;
  const key = await call<{ KeyPairId: string }>('CreateKeyPair', { KeyName: 'victim-key', KeyType: 'ed25519' });
  const { GroupId } = await call<{ GroupId: string }>('CreateSecurityGroup', {
    GroupName: 'victim-group',
    Description: secret,
    ...tagged('security-group'),
  });
  const rules = await call<{ SecurityGroupRules: { SecurityGroupRuleId: string }[] }>('AuthorizeSecurityGroupIngress', {
    GroupId,
    IpPermissions: [
      { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '10.9.8.0/24', Description: secret }] },
    ],
  });
  const [instance] = await launch(
    api,
    {
      KeyName: 'victim-key',
      SecurityGroupIds: [GroupId],
      UserData: Buffer.from(secret).toString('base64'),
      ...tagged('instance'),
    },
    account,
  );
  const { VpcId = '', SubnetId = '', InstanceId = '' } = instance ?? {};
  const NetworkInterfaceId = instance?.NetworkInterfaces?.[0]?.NetworkInterfaceId ?? '';
  const volumes = await call<{ Volumes: { VolumeId: string }[] }>('DescribeVolumes');
  const { volumeId: VolumeId } = addVolume(api, { owner: `${victim}/us-east-1` });
  const snapshot = await call<{ SnapshotId: string }>('CreateSnapshot', {
    VolumeId,
    Description: secret,
    ...tagged('snapshot'),
  });
  // An AMI of the victim's own, which nobody else may launch.
  const imageId = 'ami-0victim0000000001'.replace('victim', 'abcdef');
  api.state.write(tx => {
    const [shared] = [...tx.entries(images)].map(entry => entry.row);
    if (shared === undefined) throw new Error('there is no AMI');
    const { ownerAlias: _alias, ssmAliases: _aliases, ...rest } = shared;
    const own = { imageId, owner: `${victim}/us-east-1`, name: 'victim-image', description: secret };
    tx.put(images, { ...rest, ...own, public: false, launchPermissions: [] });
  });
  const first = async (operation: string, list: string, id: string) => {
    const answer = await call<Record<string, Record<string, string>[]>>(operation);
    return answer[list]?.[0]?.[id] ?? '';
  };
  const one = async (operation: string, input: object, member: string, id: string) => {
    const answer = await call<Record<string, Record<string, string>>>(operation, input, iam);
    return answer[member]?.[id] ?? '';
  };
  await call('CreateUser', { UserName: 'victim-user', Tags }, iam);
  await call('CreateGroup', { GroupName: 'victim-users' }, iam);
  await call('AddUserToGroup', { GroupName: 'victim-users', UserName: 'victim-user' }, iam);
  const PolicyDocument = document({ Sid: secret.replaceAll('-', ''), Action: 'ec2:*' });
  const policyArn = await one(
    'CreatePolicy',
    { PolicyName: 'victim-policy', PolicyDocument, Description: secret },
    'Policy',
    'Arn',
  );
  const trust = document({ Action: 'sts:AssumeRole', Principal: { AWS: victim } });
  const roleArn = await one(
    'CreateRole',
    { RoleName: 'victim-role', AssumeRolePolicyDocument: trust, Description: secret },
    'Role',
    'Arn',
  );
  await call('CreateInstanceProfile', { InstanceProfileName: 'victim-profile' }, iam);
  await call('AddRoleToInstanceProfile', { InstanceProfileName: 'victim-profile', RoleName: 'victim-role' }, iam);
  const accessKeyId = await one('CreateAccessKey', { UserName: 'victim-user' }, 'AccessKey', 'AccessKeyId');
  await call('PutUserPolicy', { UserName: 'victim-user', PolicyName: 'victim-inline', PolicyDocument }, iam);

  const made = async (operation: string, input: object, list: string, id: string) => {
    const answer = await call<Record<string, Record<string, string>>>(operation, input);
    return answer[list]?.[id] ?? '';
  };
  const natType = { SubnetId, ConnectivityType: 'private' };
  const natGatewayId = await made(
    'CreateNatGateway',
    { ...natType, ...tagged('natgateway') },
    'NatGateway',
    'NatGatewayId',
  );
  const peerVpcId = await made('CreateVpc', { CidrBlock: '10.77.0.0/16', ...tagged('vpc') }, 'Vpc', 'VpcId');
  const connection = { VpcId, PeerVpcId: peerVpcId, ...tagged('vpc-peering-connection') };
  const peeringId = await made(
    'CreateVpcPeeringConnection',
    connection,
    'VpcPeeringConnection',
    'VpcPeeringConnectionId',
  );
  const endpoint = { VpcId, ServiceName: 'com.amazonaws.us-east-1.s3', ...tagged('vpc-endpoint') };
  const vpcEndpointId = await made('CreateVpcEndpoint', endpoint, 'VpcEndpoint', 'VpcEndpointId');
  const list = { PrefixListName: secret, AddressFamily: 'IPv4', MaxEntries: 2, Entries: [{ Cidr: '10.9.8.0/24' }] };
  const prefixListId = await made('CreateManagedPrefixList', list, 'PrefixList', 'PrefixListId');
  const { AllocationId, PublicIp } = await call<{ AllocationId: string; PublicIp: string }>('AllocateAddress');
  const permission = { NetworkInterfaceId, AwsAccountId: '999988887777', Permission: 'EIP-ASSOCIATE' };
  const permissionId = await made(
    'CreateNetworkInterfacePermission',
    permission,
    'InterfacePermission',
    'NetworkInterfacePermissionId',
  );
  const egressId = await made(
    'CreateEgressOnlyInternetGateway',
    { VpcId },
    'EgressOnlyInternetGateway',
    'EgressOnlyInternetGatewayId',
  );

  const importTask = await call<{ ImportTaskId: string }>('ImportSnapshot', {
    Description: secret,
    DiskContainer: { UserBucket: { S3Bucket: 'victim-disks', S3Key: 'disk.raw' } },
    ...tagged('import-snapshot-task'),
  });
  const exportTask = await call<{ ExportImageTaskId: string }>('ExportImage', {
    ImageId: imageId,
    Description: secret,
    DiskImageFormat: 'RAW',
    S3ExportLocation: { S3Bucket: 'victim-exports' },
  });

  const kms = { service: 'kms', account: victim };
  const kmsTags = [{ TagKey: 'note', TagValue: secret }];
  const cmk = await call<{ KeyMetadata: { KeyId: string; Arn: string } }>(
    'CreateKey',
    { Description: secret, Tags: kmsTags },
    kms,
  );
  const { KeyId, Arn: keyArn } = cmk.KeyMetadata;
  await call('CreateAlias', { AliasName: 'alias/victim', TargetKeyId: KeyId }, kms);
  const { GrantId } = await call<{ GrantId: string }>(
    'CreateGrant',
    { KeyId, GranteePrincipal: roleArn, RetiringPrincipal: roleArn, Operations: ['DescribeKey'], Name: secret },
    kms,
  );

  const rule = { ResourceType: 'EBS_SNAPSHOT', Description: secret };
  const RetentionPeriod = { RetentionPeriodValue: 1, RetentionPeriodUnit: 'DAYS' };
  const { Identifier, RuleArn } = await call<{ Identifier: string; RuleArn: string }>(
    'CreateRule',
    { ...rule, RetentionPeriod },
    { service: 'rbin', account: victim },
  );

  const rootVolume = volumes.Volumes[0]?.VolumeId ?? '';
  await call('ModifyVolume', { VolumeId: rootVolume, Size: 77 });
  const taskId = 'replacevol-0abcdef0000000001';
  const task = { taskId, owner: `${victim}/us-east-1`, instanceId: InstanceId, volumeId: rootVolume, startTime: 0 };
  api.state.write(tx =>
    tx.put(replaceRootVolumeTasks, { ...task, state: 'pending', ownVolume: false, deleteReplaced: false }),
  );

  const ids: Record<string, string> = {
    ReplaceRootVolumeTaskId: taskId,
    Identifier,
    ResourceArn: RuleArn,
    SourceRegion: 'us-east-1',
    ImportTaskId: importTask.ImportTaskId,
    ExportTaskId: exportTask.ExportImageTaskId,
    ExportImageTaskId: exportTask.ExportImageTaskId,
    KeyId: keyArn,
    AliasName: 'alias/victim',
    GrantId,
    RetiringPrincipal: roleArn,
    NatGatewayId: natGatewayId,
    PeerVpcId: peerVpcId,
    VpcPeeringConnectionId: peeringId,
    VpcEndpointId: vpcEndpointId,
    PrefixListId: prefixListId,
    AllocationId,
    PublicIp,
    PublicIpv4Pool: poolId,
    PoolId: poolId,
    NetworkInterfacePermissionId: permissionId,
    EgressOnlyInternetGatewayId: egressId,
    InstanceId: InstanceId,
    ImageId: imageId,
    VolumeId: rootVolume,
    SnapshotId: snapshot.SnapshotId,
    NetworkInterfaceId,
    SubnetId,
    VpcId,
    SecurityGroupRuleId: rules.SecurityGroupRules[0]?.SecurityGroupRuleId ?? '',
    GroupId,
    KeyPairId: key.KeyPairId,
    InternetGatewayId: await first('DescribeInternetGateways', 'InternetGateways', 'InternetGatewayId'),
    RouteTableId: await first('DescribeRouteTables', 'RouteTables', 'RouteTableId'),
    NetworkAclId: await first('DescribeNetworkAcls', 'NetworkAcls', 'NetworkAclId'),
    DhcpOptionsId: await first('DescribeDhcpOptions', 'DhcpOptions', 'DhcpOptionsId'),
    Resource: InstanceId,
    KeyName: 'victim-key',
    UserName: 'victim-user',
    RoleName: 'victim-role',
    GroupName: 'victim-users',
    PolicyName: 'victim-inline',
    InstanceProfileName: 'victim-profile',
    PolicyArn: policyArn,
    PolicySourceArn: roleArn,
    PermissionsBoundary: policyArn,
    RoleArn: roleArn,
    AccessKeyId: accessKeyId,
  };
  known = Object.entries(ids)
    .flatMap(([name, value]) => [[name, value] as const, [`${name}s`, value] as const])
    .concat([
      ['SecurityGroup', GroupId],
      ['SecurityGroups', GroupId],
      ['Groups', GroupId],
      ['Policy', PolicyDocument],
      ['PolicyDocument', PolicyDocument],
    ])
    .sort(([a], [b]) => b.length - a.length);
  expect(known.filter(([, value]) => value === '')).toEqual([]);
  // The stranger has been there before, so that his own first call does not make anything.
  await api.call('DescribeVpcs', {}, { account: stranger });
  marks = [victim, secret, secret.replaceAll('-', ''), ...idsOf(victim)];
});

/** Ids that the rows of an account have: its keys, and ids in them. */
function idsOf(account: string): string[] {
  const found = new Set<string>();
  for (const row of rowsOf(account)) {
    for (const [id] of row.matchAll(
      /\b(?:[a-z]+-[0-9a-f]{17}|A[A-Z]{3}[A-Z2-7]{16,17}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\b/g,
    ))
      found.add(id);
  }
  const shared = new Set(rowsOf('').flatMap(row => [...row.matchAll(/\b[a-z]+-[0-9a-f]{17}\b/g)].map(([id]) => id)));
  return [...found].filter(id => !shared.has(id));
}

/** Rows of an account as texts; of an empty one, those that are everybody's. */
function rowsOf(account: string): string[] {
  const rows: string[] = [];
  for (const table of tables) {
    for (const { row } of api.state.entries(table)) {
      const text = JSON.stringify(row);
      const { owner, account: of, ownerAlias } = row as { owner?: string; account?: string; ownerAlias?: string };
      if (account === '' ? ownerAlias !== undefined : (owner?.startsWith(`${account}/`) ?? of === account))
        rows.push(text);
    }
  }
  return rows;
}

function valueFor(name: string): string | undefined {
  return known.find(([ending]) => name.endsWith(ending))?.[1];
}

/** A value of a shape that names the victim's things wherever a name fits; undefined where nothing in it can. */
function named(shape: Shape, name: string, depth = 0): unknown {
  switch (shape.kind) {
    case 'string':
      return valueFor(name);
    case 'list': {
      const value = named(shape.member, name, depth + 1);
      return value === undefined ? undefined : [value];
    }
    case 'structure': {
      if (depth > 3) return undefined;
      const parts = shape.members.map(member => [member.name, named(member.shape, member.name, depth + 1)] as const);
      const present = parts.filter(([, value]) => value !== undefined);
      return present.length === 0 ? undefined : Object.fromEntries(present);
    }
    default:
      return undefined;
  }
}

/** Something for a member that must be there. */
function filler({ shape, name }: Member): unknown {
  const value = named(shape, name);
  if (value !== undefined) return value;
  return { string: 'x', integer: 1, number: 1, boolean: true, list: [], map: {}, structure: {} }[shape.kind as string];
}

/** Inputs of an operation: one without names, one for each member that can name something. */
function inputsOf(input: StructureShape | undefined): Record<string, unknown>[] {
  const members = input?.members ?? [];
  const required = Object.fromEntries(members.filter(one => one.required).map(one => [one.name, filler(one)]));
  const naming = members.flatMap(member => {
    const value = named(member.shape, member.name);
    return value === undefined ? [] : [{ ...required, [member.name]: value }];
  });
  return [required, ...naming];
}

const attributes = [
  'userData',
  'description',
  'launchPermission',
  'groupSet',
  'enableDnsSupport',
  'productCodes',
  'createVolumePermission',
];

function inputs({ service, name }: AnyOperation): Record<string, unknown>[] {
  const input = serviceModel(service)?.operation(name)?.input;
  const all = inputsOf(input);
  if (input?.members.some(member => member.name === 'Attribute') !== true) return all;
  return all.flatMap(one => attributes.map(Attribute => ({ ...one, Attribute })));
}

/** What is answered: the output or the error, as text. */
async function answerTo({ service, name }: AnyOperation, input: object, account: string): Promise<string> {
  try {
    return JSON.stringify((await api.call(name, input, { service, account })) ?? null);
  } catch (error) {
    return String(error);
  }
}

const tested = operations.filter(({ service, name }) => !exempt.has(`${service}:${name}`));

it('what an account has is found by these calls in the account itself', async () => {
  let found = 0;
  for (const operation of tested.filter(one => one.kind === 'read')) {
    for (const input of inputs(operation)) {
      const answer = await answerTo(operation, input, victim);
      const asked = JSON.stringify(input);
      if (marks.some(mark => answer.includes(mark) && !asked.includes(mark))) found++;
    }
  }
  expect(found).toBeGreaterThan(60);
});

it('no other account learns of it, or changes it', async () => {
  const before = rowsOf(victim);
  expect(before.length).toBeGreaterThan(20);
  const leaks: string[] = [];
  const order = [...tested].sort((a, b) => (a.kind === b.kind ? 0 : a.kind === 'read' ? -1 : 1));
  for (const operation of order) {
    for (const input of inputs(operation)) {
      const answer = await answerTo(operation, input, stranger);
      const asked = JSON.stringify(input);
      const leaked = marks.filter(mark => answer.includes(mark) && !asked.includes(mark));
      if (leaked.length > 0) leaks.push(`${operation.service}:${operation.name} ${asked}: ${leaked.join(', ')}`);
    }
  }
  expect(leaks).toEqual([]);
  expect(rowsOf(victim)).toEqual(before);
});
