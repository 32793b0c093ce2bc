import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientProblem } from '../../src/cli/test-clients.ts';
import { type AwsCli, awsCli } from '../support/aws-cli.ts';
import { eventually } from '../support/eventually.ts';
import { type Guests, startGuests } from '../support/guests.ts';
import { Login } from '../support/login.ts';
import { skipped } from '../support/process.ts';
import { pools } from '../support/server.ts';

/*
 * A network of one's own with two instances, and what moves between them while they run: an Elastic IP address, and a
 * network interface with its addresses. Typed as a person would, in the AWS CLI. The tests are one story.
 */

const skip = skipped('tests of moving addresses', await clientProblem('awscli'));

describe.skipIf(skip)('a network of two instances', () => {
  let guests: Guests;
  let aws: AwsCli;
  let vpc: string;
  let subnet: string;
  let group: string;
  let a: string;
  let b: string;
  let inA: Login;
  let inB: Login;
  let eip: string;
  let address: string;
  let eni: string;

  beforeAll(async () => {
    guests = await startGuests({
      publicPool: pools.moving,
      parameter: '/aws/service/fogbank/micro/latest/amd64',
      user: 'ec2-user',
    });
    aws = awsCli(guests.server.env, guests.server.folder);
  });
  afterAll(() => guests?.server.stop());

  const hostName = (id: string) =>
    aws`ec2 describe-instances --instance-ids ${id} --query Reservations[].Instances[].PrivateDnsName`;
  const loginAt = (place: string) => new Login({ user: 'ec2-user', address: place, keyFile: guests.keyFile });

  test('is drawn and reached', { timeout: 180_000 }, async () => {
    vpc = await aws`ec2 create-vpc --cidr-block 10.7.0.0/16 --query Vpc.VpcId`;
    await aws`ec2 modify-vpc-attribute --vpc-id ${vpc} --enable-dns-hostnames`;
    subnet = await aws`ec2 create-subnet --vpc-id ${vpc} --cidr-block 10.7.1.0/24 --query Subnet.SubnetId`;
    await aws`ec2 modify-subnet-attribute --subnet-id ${subnet} --map-public-ip-on-launch`;
    const gateway = await aws`ec2 create-internet-gateway --query InternetGateway.InternetGatewayId`;
    await aws`ec2 attach-internet-gateway --internet-gateway-id ${gateway} --vpc-id ${vpc}`;
    const table = await aws`ec2 create-route-table --vpc-id ${vpc} --query RouteTable.RouteTableId`;
    await aws`ec2 create-route --route-table-id ${table} --destination-cidr-block 0.0.0.0/0 --gateway-id ${gateway}`;
    await aws`ec2 associate-route-table --route-table-id ${table} --subnet-id ${subnet}`;
    group = await aws`ec2 create-security-group --group-name web --description web --vpc-id ${vpc} --query GroupId`;
    await aws`ec2 authorize-security-group-ingress --group-id ${group} --protocol tcp --port 22 --cidr 0.0.0.0/0`;
    await aws`ec2 authorize-security-group-ingress --group-id ${group} --protocol -1 --source-group ${group}`;
    const image = await guests.image('/aws/service/fogbank/micro/latest/amd64');
    const launched =
      await aws`ec2 run-instances --image-id ${image} --instance-type t3.micro --key-name test --subnet-id ${subnet} --security-group-ids ${group} --count 2 --query Instances[].InstanceId`;
    [a = '', b = ''] = launched.split('\t');
    await aws`ec2 wait instance-running --instance-ids ${a} ${b}`;
    inA = await guests.login(a);
    inB = await guests.login(b);
    for (const login of [inA, inB]) await login.until('test -e /var/lib/cloud/instance/boot-finished', 120);
    expect(`${await inA.run('hostname')}.ec2.internal`).toBe(await hostName(a));
  });

  test('an Elastic IP address moves in a second, and is nowhere else then', { timeout: 120_000 }, async () => {
    const before = inA.address;
    [eip = '', address = ''] = (await aws`ec2 allocate-address --query [AllocationId,PublicIp]`).split('\t');
    await aws`ec2 associate-address --allocation-id ${eip} --instance-id ${a}`;
    inA = loginAt(address);
    expect(`${await inA.until('hostname', 5)}.ec2.internal`).toBe(await hostName(a));
    // It takes the place of the address that the launch brought.
    const gone = await loginAt(before).attempt('true');
    expect(gone.code).toBe(255);

    expect(
      (await aws.failure`ec2 associate-address --allocation-id ${eip} --instance-id ${b} --no-allow-reassociation`)
        .stderr,
    ).toContain('Resource.AlreadyAssociated');
    await aws`ec2 associate-address --allocation-id ${eip} --instance-id ${b}`;
    const moved = performance.now();
    const name = await inA.until('hostname', 5);
    expect(performance.now() - moved).toBeLessThan(3_000);
    expect(`${name}.ec2.internal`).toBe(await hostName(b));
    expect(await aws`ec2 describe-addresses --allocation-ids ${eip} --query Addresses[].InstanceId`).toBe(b);
    // What A sends now has no way out, nor in.
    expect(
      await aws`ec2 describe-instances --instance-ids ${a} --query Reservations[].Instances[].PublicIpAddress`,
    ).toBe('');
    inB = loginAt(address);
  });

  test('an interface comes and goes while the instance runs', { timeout: 120_000 }, async () => {
    const made = await aws.json<{
      NetworkInterface: { NetworkInterfaceId: string; PrivateIpAddress: string; MacAddress: string };
    }>`ec2 create-network-interface --subnet-id ${subnet} --groups ${group} --private-ip-address 10.7.1.200`;
    eni = made.NetworkInterface.NetworkInterfaceId;
    const attachment =
      await aws`ec2 attach-network-interface --network-interface-id ${eni} --instance-id ${b} --device-index 1 --query AttachmentId`;
    // The guest asks for its address by itself.
    const shown = await inB.until(
      'ip -4 addr show dev eth1 | grep -w 10.7.1.200 && cat /sys/class/net/eth1/address',
      30,
    );
    expect(shown).toContain(made.NetworkInterface.MacAddress);
    expect(
      await inB.run(`imds meta-data/network/interfaces/macs/${made.NetworkInterface.MacAddress}/interface-id`),
    ).toBe(eni);
    expect(
      await aws`ec2 describe-network-interfaces --network-interface-ids ${eni} --query NetworkInterfaces[].[Status,Attachment.Status]`,
    ).toBe('in-use\tattached');

    await aws`ec2 detach-network-interface --attachment-id ${attachment}`;
    await eventually('the end of eth1', 30, async () =>
      (await inB.run('ls /sys/class/net')).includes('eth1') ? undefined : true,
    );
    await aws`ec2 wait network-interface-available --network-interface-ids ${eni}`;
  });

  test('it takes its addresses to another instance', { timeout: 180_000 }, async () => {
    // B listens on both of its interfaces; A has only a private address now, and hears from B.
    await aws`ec2 attach-network-interface --network-interface-id ${eni} --instance-id ${b} --device-index 1`;
    await inB.until('ip -4 addr show dev eth1 | grep -w 10.7.1.200', 30);
    await aws`ec2 associate-address --allocation-id ${eip} --network-interface-id ${eni}`;
    expect(`${await loginAt(address).until('hostname', 10)}.ec2.internal`).toBe(await hostName(b));
    const attachment =
      await aws`ec2 describe-network-interfaces --network-interface-ids ${eni} --query NetworkInterfaces[].Attachment.AttachmentId`;
    await aws`ec2 detach-network-interface --attachment-id ${attachment}`;
    await aws`ec2 wait network-interface-available --network-interface-ids ${eni}`;
    await aws`ec2 attach-network-interface --network-interface-id ${eni} --instance-id ${a} --device-index 1`;
    // The Elastic IP address belongs to the interface, and comes along: A is reached through it again.
    inA = loginAt(address);
    expect(`${await inA.until('hostname', 30)}.ec2.internal`).toBe(await hostName(a));
    expect(await inA.run('ip -4 addr show dev eth1')).toContain('10.7.1.200');
  });

  test('an instance that is stopped and started has its interfaces again', { timeout: 180_000 }, async () => {
    await aws`ec2 stop-instances --instance-ids ${a}`;
    await aws`ec2 wait instance-stopped --instance-ids ${a}`;
    await aws`ec2 start-instances --instance-ids ${a}`;
    await aws`ec2 wait instance-running --instance-ids ${a}`;
    expect(`${await inA.until('hostname', 90)}.ec2.internal`).toBe(await hostName(a));
  });

  test('everything is taken down again', { timeout: 120_000 }, async () => {
    expect((await aws.failure`ec2 delete-vpc --vpc-id ${vpc}`).stderr).toContain('DependencyViolation');
    await guests.terminate(a, b);
    // The interface is nobody's then, and still has the Elastic IP address.
    expect((await aws.failure`ec2 release-address --allocation-id ${eip}`).stderr).toContain('InvalidIPAddress.InUse');
    const association = await aws`ec2 describe-addresses --allocation-ids ${eip} --query Addresses[].AssociationId`;
    await aws`ec2 disassociate-address --association-id ${association}`;
    await aws`ec2 release-address --allocation-id ${eip}`;
    await aws`ec2 delete-network-interface --network-interface-id ${eni}`;
    expect(
      await aws`ec2 describe-network-interfaces --filters Name=vpc-id,Values=${vpc} --query length(NetworkInterfaces)`,
    ).toBe('0');
  });
});
