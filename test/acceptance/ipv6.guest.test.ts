import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientProblem } from '../../src/cli/test-clients.ts';
import { edgeNamespace } from '../../src/engine/qemu/names.ts';
import { type AwsCli, awsCli } from '../support/aws-cli.ts';
import { eventually } from '../support/eventually.ts';
import { type Guests, startGuests } from '../support/guests.ts';
import { connects, Login } from '../support/login.ts';
import { output, run, skipped } from '../support/process.ts';
import { pools } from '../support/server.ts';

/*
 * A VPC with IPv4 and a running instance gets IPv6 in EC2's four steps: blocks, routes, security groups, addresses. The
 * world outside is a network namespace beside the VPC, plugged into the edge as another VPC would be.
 * https://docs.aws.amazon.com/vpc/latest/userguide/vpc-migrate-ipv6.html
 */

const skip = skipped('tests of the migration to IPv6', await clientProblem('awscli'));

/** Seconds for a boot, on a busy machine without KVM. */
const boot = 180;

/** A namespace with an address of the IPv6 pool, behind the edge of a server, which must have IPv6 already. */
class World {
  readonly address = 'fdf0:9ba0:ffff:ff00::1';
  readonly #edge: string;
  readonly #namespace: string;
  readonly #children: ChildProcess[] = [];

  constructor(dataDir: string) {
    this.#edge = edgeNamespace(dataDir);
    this.#namespace = `${this.#edge}-world`;
  }

  async open(): Promise<void> {
    const { address } = this;
    for (const line of [
      `netns add ${this.#namespace}`,
      `-n ${this.#edge} link add vworld type veth peer name eth0 netns ${this.#namespace}`,
      `-n ${this.#edge} address add fe80::1/64 dev vworld nodad`,
      `-n ${this.#edge} link set vworld up`,
      `-n ${this.#edge} route add ${address}/128 via fe80::2 dev vworld`,
      `-n ${this.#namespace} address add fe80::2/64 dev eth0 nodad`,
      `-n ${this.#namespace} address add ${address}/128 dev eth0 nodad`,
      `-n ${this.#namespace} link set eth0 up`,
      `-n ${this.#namespace} route add default via fe80::1 dev eth0`,
    ]) {
      await output('ip', line.split(' '));
    }
    const script = `require('node:http').createServer((request, response) =>
      response.end(request.socket.remoteAddress)).listen(80, '::', () => console.log('ready'));`;
    const server = spawn('ip', ['netns', 'exec', this.#namespace, process.execPath, '-e', script]);
    this.#children.push(server);
    await new Promise(resolve => server.stdout.once('data', resolve));
  }

  /** Does an address answer one ping within two seconds? */
  async pings(address: string): Promise<boolean> {
    const words = ['netns', 'exec', this.#namespace, 'ping', '-6', '-c', '1', '-W', '2', address];
    return (await run('ip', words)).code === 0;
  }

  /** The first line that a TCP server says to us; empty when it does not within three seconds. */
  async hears(address: string, port: number): Promise<string> {
    const script = `timeout 3 bash -c 'exec 3<>/dev/tcp/${address}/${port} && head -1 <&3'`;
    return (await run('ip', ['netns', 'exec', this.#namespace, 'sh', '-c', script])).stdout;
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await run('ip', ['netns', 'del', this.#namespace]);
  }
}

describe.skipIf(skip)('a VPC with a running instance', () => {
  let guests: Guests;
  let aws: AwsCli;
  let world: World;
  let login: Login;
  let vpc: string;
  let subnet: string;
  let group: string;
  let routes: string;
  let internetGateway: string;
  let eni: string;
  let instance: string;
  let address: string;
  let bootId: string;
  /** What a session of before the migration hears until its end. */
  let session: Promise<string>;

  beforeAll(async () => {
    guests = await startGuests({
      publicPool: pools.ipv6,
      parameter: '/aws/service/fogbank/micro/latest/amd64',
      user: 'ec2-user',
    });
    aws = awsCli(guests.server.env, guests.server.folder);
    world = new World(guests.server.dataDir);
  });
  afterAll(async () => {
    await world?.close();
    await guests?.server.stop();
  });

  const inGuest = (command: string) => login.run(command);
  const guestAddresses = () => inGuest('ip -6 -o address show dev eth0 scope global');

  test('has IPv4 only', async () => {
    vpc = await aws`ec2 create-vpc --cidr-block 10.20.0.0/16 --query Vpc.VpcId`;
    subnet = await aws`ec2 create-subnet --vpc-id ${vpc} --cidr-block 10.20.1.0/24 --query Subnet.SubnetId`;
    await aws`ec2 modify-subnet-attribute --subnet-id ${subnet} --map-public-ip-on-launch`;
    internetGateway = await aws`ec2 create-internet-gateway --query InternetGateway.InternetGatewayId`;
    await aws`ec2 attach-internet-gateway --internet-gateway-id ${internetGateway} --vpc-id ${vpc}`;
    routes =
      await aws`ec2 describe-route-tables --filters Name=vpc-id,Values=${vpc} --query RouteTables[0].RouteTableId`;
    await aws`ec2 create-route --route-table-id ${routes} --destination-cidr-block 0.0.0.0/0 --gateway-id ${internetGateway}`;
    group = await aws`ec2 create-security-group --vpc-id ${vpc} --group-name web --description web --query GroupId`;
    await aws`ec2 authorize-security-group-ingress --group-id ${group} --protocol tcp --port 22 --cidr 0.0.0.0/0`;
    const { InstanceId = '', NetworkInterfaces } = await guests.launch({ SubnetId: subnet, SecurityGroupIds: [group] });
    instance = InstanceId;
    eni = NetworkInterfaces?.[0]?.NetworkInterfaceId ?? '';
    login = await guests.login(instance);
    await login.until('test -e /run/started', boot);
    bootId = await inGuest('cat /proc/sys/kernel/random/boot_id');
    session = inGuest('while [ ! -e /tmp/migrated ]; do echo tick; usleep 100000; done; echo end');
    expect(await guestAddresses()).toBe('');
  });

  test('step 1: blocks for the VPC and its subnet', async () => {
    await aws`ec2 associate-vpc-cidr-block --amazon-provided-ipv6-cidr-block --vpc-id ${vpc}`;
    const block =
      await aws`ec2 describe-vpcs --vpc-ids ${vpc} --query Vpcs[0].Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock`;
    expect(block).toMatch(/^fdf0:9ba0:.*::\/56$/);
    await aws`ec2 associate-subnet-cidr-block --subnet-id ${subnet} --ipv6-cidr-block ${block.replace('/56', '/64')}`;
  });

  test('step 2: routes, out only', async () => {
    const gateway =
      await aws`ec2 create-egress-only-internet-gateway --vpc-id ${vpc} --query EgressOnlyInternetGateway.EgressOnlyInternetGatewayId`;
    await aws`ec2 create-route --route-table-id ${routes} --destination-ipv6-cidr-block ::/0 --egress-only-internet-gateway-id ${gateway}`;
  });

  test('step 3: the security group', async () => {
    await aws`ec2 authorize-security-group-ingress --group-id ${group} --ip-permissions ${[
      'IpProtocol=tcp,FromPort=22,ToPort=22,Ipv6Ranges=[{CidrIpv6=::/0}]',
      'IpProtocol=icmpv6,FromPort=-1,ToPort=-1,Ipv6Ranges=[{CidrIpv6=::/0}]',
    ]}`;
  });

  test('step 4: an address, which the guest takes while it runs', async () => {
    address =
      await aws`ec2 assign-ipv6-addresses --network-interface-id ${eni} --ipv6-address-count 1 --query AssignedIpv6Addresses[0]`;
    const began = performance.now();
    await eventually('address in the guest', 60, async () =>
      (await guestAddresses()).includes(` ${address}/128 `) ? true : undefined,
    );
    process.stderr.write(`ipv6: address in the guest after ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
    expect(
      await aws`ec2 describe-instances --instance-ids ${instance} --query Reservations[0].Instances[0].Ipv6Address`,
    ).toBe(address);
    expect(await inGuest('ip -6 route show default')).toContain('via fe80::');
  });

  test('which was not started again, nor did its sessions notice', async () => {
    await inGuest('touch /tmp/migrated');
    const lines = (await session).split('\n');
    expect(lines.length).toBeGreaterThan(50);
    expect(lines.at(-1)).toBe('end');
    expect(await inGuest('cat /proc/sys/kernel/random/boot_id')).toBe(bootId);
  });

  test('reaches the world by its own address, and is not reached from there', async () => {
    await world.open();
    expect(await inGuest(`curl -s -m 5 'http://[${world.address}]/'`)).toBe(address);
    expect(await inGuest(`ping -6 -c 1 -W 2 ${world.address}`)).toContain('1 received');
    expect(await world.hears(address, 22)).toBe('');
    expect(await world.pings(address)).toBe(false);
  });

  test('is reached where its route leads to the internet gateway, also from here', async () => {
    await aws`ec2 replace-route --route-table-id ${routes} --destination-ipv6-cidr-block ::/0 --gateway-id ${internetGateway}`;
    await eventually('answer by IPv6', 10, async () => ((await world.pings(address)) ? true : undefined));
    expect(await world.hears(address, 22)).toMatch(/^SSH-2/);
    expect(await inGuest(`curl -s -m 5 'http://[${world.address}]/'`)).toBe(address);
    const direct = new Login({ user: 'ec2-user', address, keyFile: guests.keyFile });
    expect(await direct.run('cat /proc/sys/kernel/random/boot_id')).toBe(bootId);
    await aws`ec2 revoke-security-group-ingress --group-id ${group} --ip-permissions IpProtocol=icmpv6,FromPort=-1,ToPort=-1,Ipv6Ranges=[{CidrIpv6=::/0}]`;
    await eventually('closed door', 10, async () => ((await world.pings(address)) ? undefined : true));
  });

  test('finds its metadata by IPv6 once that is enabled', async () => {
    const get = (path: string) =>
      inGuest(`url='http://[fd00:ec2::254]/latest'
        token=$(curl -sf -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $url/api/token) &&
        curl -sf -m 5 -H "X-aws-ec2-metadata-token: $token" $url/meta-data/${path}`);
    expect(await connects(login, 'fd00:ec2::254', 80)).toBe('refused');
    await aws`ec2 modify-instance-metadata-options --instance-id ${instance} --http-protocol-ipv6 enabled`;
    await eventually('open port', 10, async () =>
      (await connects(login, 'fd00:ec2::254', 80)) === 'open' ? true : undefined,
    );
    expect(await get('ipv6')).toBe(address);
    const mac = await inGuest('cat /sys/class/net/eth0/address');
    expect(await get(`network/interfaces/macs/${mac}/ipv6s`)).toBe(address);
  });

  test('has neighbours that begin with IPv6', async () => {
    await aws`ec2 modify-subnet-attribute --subnet-id ${subnet} --assign-ipv6-address-on-creation`;
    const { InstanceId = '' } = await guests.launch({ SubnetId: subnet, SecurityGroupIds: [group] });
    const second = await guests.login(InstanceId);
    const own =
      await aws`ec2 describe-instances --instance-ids ${InstanceId} --query Reservations[0].Instances[0].Ipv6Address`;
    await second.until(`ip -6 -o address show dev eth0 scope global | grep -F ' ${own}/128 '`, boot);
    expect(await connects(second, address, 22)).toBe('open');
    expect(await connects(login, own, 22)).toBe('open');
    expect(await connects(login, own, 23), 'not in the group').toBe('filtered');
    await guests.terminate(InstanceId);
  });

  test('answers by the interface that is attached to it, too', async () => {
    const made = await aws.json<{
      NetworkInterface: { NetworkInterfaceId: string; Ipv6Addresses: { Ipv6Address: string }[] };
    }>`ec2 create-network-interface --subnet-id ${subnet} --groups ${group} --ipv6-address-count 1`;
    const { NetworkInterfaceId: further, Ipv6Addresses } = made.NetworkInterface;
    const [{ Ipv6Address = '' } = {}] = Ipv6Addresses;
    const attachment =
      await aws`ec2 attach-network-interface --network-interface-id ${further} --instance-id ${instance} --device-index 1 --query AttachmentId`;
    await login.until(`ip -6 -o address show dev eth1 scope global | grep -F ' ${Ipv6Address}/128 '`, 60);
    await eventually('SSH by the further interface', 20, async () =>
      (await world.hears(Ipv6Address, 22)).startsWith('SSH-2') ? true : undefined,
    );
    expect(await world.hears(address, 22), 'and by the first').toMatch(/^SSH-2/);
    await aws`ec2 detach-network-interface --attachment-id ${attachment}`;
    await eventually('the end of eth1', 30, async () =>
      (await inGuest('ls /sys/class/net; pgrep -f "dhcp6 eth1"; ip -6 rule')).match(/eth1|1001/) ? undefined : true,
    );
  });

  test('gives the address back', async () => {
    await aws`ec2 unassign-ipv6-addresses --network-interface-id ${eni} --ipv6-addresses ${address}`;
    await eventually('silence', 10, async () => ((await world.hears(address, 22)) === '' ? true : undefined));
    expect(await inGuest('cat /proc/sys/kernel/random/boot_id')).toBe(bootId);
  });
});
