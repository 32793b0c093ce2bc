import { eventually } from '../support/eventually.ts';
import type { QueryClient } from '../support/query-client.ts';
import type { Fixture } from './case.ts';

/** Makes what the cases speak of: instances in several states, a group with a rule, a key pair, and a page token. */
export async function makeFixture(client: QueryClient): Promise<Fixture> {
  const image = (await client.ok('DescribeImages')).get('imagesSet', 'item', 'imageId') ?? '';
  const group =
    (await client.ok('CreateSecurityGroup', { GroupName: 'mine', GroupDescription: 'd' })).get('groupId') ?? '';
  const ssh = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '10.0.0.0/8' }] };
  await client.ok('AuthorizeSecurityGroupIngress', { GroupId: group, IpPermissions: [ssh] });
  await client.ok('CreateKeyPair', { KeyName: 'mine', KeyType: 'ed25519' });
  const launch = { ImageId: image, InstanceType: 't3.micro', SecurityGroupId: [group] };
  const first = await client.ok('RunInstances', { ...launch, MinCount: 7, MaxCount: 7, ClientToken: 'used' });
  const ids = first.items('instancesSet').map(item => item.get('instanceId') ?? '');
  const [running = '', stopped = '', terminated = '', guarded = ''] = ids;
  await eventually('running instances', 10, async () => {
    const answer = await client.ok('DescribeInstanceStatus', { InstanceId: ids });
    return answer.items('instanceStatusSet').length === ids.length ? true : undefined;
  });
  const protection = { DisableApiTermination: { Value: true } };
  await client.ok('ModifyInstanceAttribute', { InstanceId: guarded, ...protection });
  await client.ok('StopInstances', { InstanceId: [stopped] });
  await client.ok('TerminateInstances', { InstanceId: [terminated] });
  const state = async (id: string): Promise<string | undefined> => {
    const answer = await client.ok('DescribeInstances', { InstanceId: [id] });
    return answer.get('reservationSet', 'item', 'instancesSet', 'item', 'instanceState', 'name');
  };
  await eventually('stopped and terminated instances', 10, async () =>
    (await state(stopped)) === 'stopped' && (await state(terminated)) === 'terminated' ? true : undefined,
  );
  const shown = await client.ok('DescribeInstances', { InstanceId: [running] });
  const one = shown.find('reservationSet', 'item', 'instancesSet', 'item');
  const page = await client.ok('DescribeInstances', { MaxResults: 5 });
  return {
    image,
    group,
    running,
    stopped,
    terminated,
    protected: guarded,
    subnet: one?.get('subnetId') ?? '',
    address: one?.get('privateIpAddress') ?? '',
    interface: one?.get('networkInterfaceSet', 'item', 'networkInterfaceId') ?? '',
    token: page.get('nextToken') ?? '',
  };
}
