import type { CreateSecurityGroupResult, DescribeRouteTablesResult, Instance } from '@aws-sdk/client-ec2';
import { describe, expect, it } from 'vitest';
import { ApiError } from '../../api/errors.ts';
import { createTestApi } from '../../api/testing.ts';
import { instances } from '../instances/model.ts';
import { launch } from '../testing.ts';
import { explainWhy, type WhyQuestion } from './why.ts';

const owner = '000000000000/us-east-1';

async function world() {
  const api = createTestApi();
  await api.call('DescribeVpcs');
  const made = await api.call<CreateSecurityGroupResult>('CreateSecurityGroup', { GroupName: 'web', Description: 'd' });
  const group = made.GroupId ?? '';
  const start = async (Value: string, input: object = {}) => {
    const TagSpecifications = [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value }] }];
    const [instance] = await launch(api, { TagSpecifications, ...input });
    return instance as Instance;
  };
  const web = await start('web', { SecurityGroupIds: [group] });
  const client = await start('client');
  const why = (source: string, destination: string, rest: Partial<WhyQuestion> = {}) =>
    explainWhy(api.state, owner, { source, destination, ...rest });
  const allow = (port: number, CidrIp = '0.0.0.0/0') =>
    api.call('AuthorizeSecurityGroupIngress', {
      GroupId: group,
      IpPermissions: [{ IpProtocol: 'tcp', FromPort: port, ToPort: port, IpRanges: [{ CidrIp }] }],
    });
  return { api, group, web, client, start, why, allow };
}

const code = (run: () => unknown): string | undefined => {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return error.code;
  }
  return undefined;
};

describe('why', () => {
  it('names the group that is closed and the command that opens it', async () => {
    const { group, web, client, why, allow } = await world();
    const closed = why('client', 'web', { port: 80 });
    expect(closed.summary).toBe(
      `client (${client.InstanceId}) cannot reach web (${web.InstanceId}) at ${web.PrivateIpAddress} by TCP at port 80.`,
    );
    expect(closed.obstacles).toEqual([
      {
        code: 'SG_HAS_NO_RULES',
        what: `Security group ${group} has no inbound rule for TCP port 80 from ${client.PrivateIpAddress}.`,
        fix: `aws ec2 authorize-security-group-ingress --group-id ${group} --ip-permissions 'IpProtocol=tcp,FromPort=80,ToPort=80,IpRanges=[{CidrIp=${client.PrivateIpAddress}/32}]'`,
      },
    ]);
    await allow(80);
    const open = why('client', 'web');
    expect(open).toMatchObject({ reachable: true, obstacles: [] });
    expect(open.summary).toContain('can reach');
    expect(open.summary).toMatch(/by TCP at port 80\.$/);
    expect(open.forward.at(-2)).toBe(`security group ${group} lets it in: TCP 80 from 0.0.0.0/0`);
    expect(open.back.at(-1)).toContain(`of ${client.InstanceId} (client)`);
    expect(why('client', 'web', { protocol: 'icmp' }).obstacles[0]?.what).toContain('no inbound rule for ping from');
  });

  it('takes names, ids, private and public addresses for the same', async () => {
    const { web, client, why, allow } = await world();
    await allow(22);
    const eni = web.NetworkInterfaces?.[0];
    const ends = [web.InstanceId, eni?.NetworkInterfaceId, web.PrivateIpAddress, eni?.Association?.PublicIp];
    for (const end of ends) expect(why('client', end ?? '', { port: 22 }).reachable, end).toBe(true);
    for (const end of [client.InstanceId, client.PrivateIpAddress])
      expect(why(end ?? '', 'web', { port: 22 }).reachable, end).toBe(true);
  });

  it('knows the ways in from and out to the internet', async () => {
    const { api, group, web, why, allow } = await world();
    const closed = why('internet', 'web', { port: 22 });
    expect(closed.obstacles[0]).toMatchObject({
      what: `Security group ${group} has no inbound rule for TCP port 22 from the internet.`,
      fix: expect.stringContaining('CidrIp=0.0.0.0/0'),
    });
    await allow(22, '192.0.2.0/24');
    expect(why('192.0.2.9', 'web', { port: 22 }).reachable).toBe(true);
    expect(why('192.0.3.9', 'web', { port: 22 }).reachable).toBe(false);
    const out = why('web', 'internet', { port: 443 });
    expect(out).toMatchObject({ reachable: true, note: expect.stringContaining('--uplink') });
    const tables = await api.call<DescribeRouteTablesResult>('DescribeRouteTables');
    const RouteTableId = tables.RouteTables?.[0]?.RouteTableId;
    await api.call('DeleteRoute', { RouteTableId, DestinationCidrBlock: '0.0.0.0/0' });
    expect(why('web', 'internet', { port: 443 }).obstacles).toEqual([
      {
        code: 'NO_ROUTE_TO_DESTINATION',
        what: `Route table ${RouteTableId}, which ${web.SubnetId} uses, has no route to the internet.`,
      },
    ]);
    const back = why('192.0.2.9', 'web', { port: 22 }).obstacles[0];
    expect(back?.what).toMatch(/^The answer does not come back: route table/);
  });

  it('says that an instance is stopped, and that two VPCs are not joined', async () => {
    const { api, web, why, start } = await world();
    const { Vpc } = await api.call<{ Vpc: { VpcId: string } }>('CreateVpc', { CidrBlock: '10.9.0.0/16' });
    const { Subnet } = await api.call<{ Subnet: { SubnetId: string } }>('CreateSubnet', {
      VpcId: Vpc.VpcId,
      CidrBlock: '10.9.0.0/24',
    });
    await start('far', { SubnetId: Subnet.SubnetId });
    expect(why('web', 'far').obstacles).toEqual([
      { code: 'DISCONNECTED_VPCS', what: expect.stringContaining('no peering connection joins them') },
    ]);
    expect(why('far', '2001:db8::5').obstacles[0]?.what).toBe('The two have no addresses of the same IP version.');
    api.state.write(tx => {
      const row = tx.get(instances, web.InstanceId ?? '');
      if (row !== undefined) tx.put(instances, { ...row, state: 'stopped' });
    });
    expect(why('client', 'web').obstacles).toEqual([
      { code: 'BAD_STATE', what: `web (${web.InstanceId}) is stopped.` },
    ]);
  });

  it('refuses what it does not know or what may be several', async () => {
    const { why, start, client } = await world();
    await start('client');
    expect(code(() => why('nobody', 'web'))).toBe('NotFound');
    expect(code(() => why('client', 'web'))).toBe('Ambiguous');
    expect(code(() => why('internet', '192.0.2.1'))).toBe('ValidationError');
    expect(code(() => why(client.InstanceId ?? '', 'eni-0123456789abcdef0'))).toBe('NotFound');
    expect(code(() => why('i-0123456789abcdef0', 'web'))).toBe('NotFound');
  });
});
