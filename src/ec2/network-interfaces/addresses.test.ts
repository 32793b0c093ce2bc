import { describe, expect, test } from 'vitest';
import { ApiError } from '../../api/errors.ts';
import { createTestApi } from '../../api/testing.ts';
import { type SubnetRow, subnets } from '../subnets/model.ts';
import {
  addressToNumber,
  allocatePrivateAddress,
  allocatePublicAddress,
  availableAddressCount,
  contains,
  newMacAddress,
  parseCidr,
  privateDnsName,
  publicDnsName,
} from './addresses.ts';
import { assignPublicIp, createNetworkInterface, deleteNetworkInterface, releasePublicIp } from './lifecycle.ts';
import { networkInterfaces } from './model.ts';

const owner = '000000000000/us-east-1';

function setUp(cidrBlock: string) {
  const { state } = createTestApi();
  const subnet: SubnetRow = {
    subnetId: 'subnet-00000000000000001',
    owner,
    vpcId: 'vpc-00000000000000001',
    cidrBlock,
    availabilityZone: 'us-east-1a',
    availabilityZoneId: 'use1-az1',
    defaultForAz: false,
    mapPublicIpOnLaunch: false,
    hostnameType: 'ip-name',
    enableResourceNameDnsARecord: false,
    state: 'available',
  };
  state.write(tx => tx.put(subnets, subnet));
  const create = (privateIpAddress?: string, secondaryPrivateIpAddressCount = 0) =>
    state.write(tx =>
      createNetworkInterface(
        { db: tx, owner, now: 0 },
        { subnet, groupIds: [], associatePublicIp: false, privateIpAddress, secondaryPrivateIpAddressCount },
      ),
    );
  return { state, subnet, create };
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return error.code;
    throw error;
  }
  return 'none';
}

describe('private addresses', () => {
  test('a subnet gives out all but its five reserved addresses, each once, and then none', () => {
    const { state, subnet, create } = setUp('10.0.0.0/28');
    const addresses = Array.from({ length: 11 }, () => create().privateIpAddresses[0]?.address);
    expect(new Set(addresses)).toEqual(new Set(Array.from({ length: 11 }, (_, index) => `10.0.0.${index + 4}`)));
    expect(availableAddressCount(state, subnet)).toBe(0);
    expect(codeOf(() => create())).toBe('InsufficientFreeAddressesInSubnet');
  });

  test('secondary addresses count, and a deleted interface gives all of its addresses back', () => {
    const { state, subnet, create } = setUp('10.0.0.0/28');
    const row = create(undefined, 3);
    create();
    expect(row.privateIpAddresses.map(one => one.primary)).toEqual([true, false, false, false]);
    expect(availableAddressCount(state, subnet)).toBe(6);
    state.write(tx => deleteNetworkInterface(tx, row.networkInterfaceId));
    expect(availableAddressCount(state, subnet)).toBe(10);
  });

  test('an interface that cannot get all of its addresses is not made', () => {
    const { state, subnet, create } = setUp('10.0.0.0/28');
    expect(codeOf(() => create(undefined, 11))).toBe('InsufficientFreeAddressesInSubnet');
    expect(state.count(networkInterfaces)).toBe(0);
    expect(availableAddressCount(state, subnet)).toBe(11);
  });

  test.each([
    ['10.0.1.1', 'InvalidParameterValue'],
    ['10.0.0.3', 'InvalidParameterValue'],
    ['10.0.0.255', 'InvalidParameterValue'],
    ['10.0.0', 'InvalidParameterValue'],
    ['10.0.0.9', 'InvalidIPAddress.InUse'],
    ['10.0.0.8', 'none'],
  ])('wanting %s answers %s', (wanted, code) => {
    const { create } = setUp('10.0.0.0/24');
    create('10.0.0.9');
    expect(codeOf(() => create(wanted))).toBe(code);
  });

  test('allocation stays quick in a subnet where 4,000 of 4,091 addresses are used', () => {
    const { state, subnet, create } = setUp('10.0.0.0/20');
    for (let index = 0; index < 4000; index++) create();
    const start = performance.now();
    for (let index = 0; index < 1000; index++) allocatePrivateAddress(state, subnet);
    // Far above what it takes, far below what looking at every interface would take.
    expect((performance.now() - start) / 1000).toBeLessThan(1);
  });
});

describe('public addresses', () => {
  test('come from the pool, each once, and then none; released ones can be had again', () => {
    const { state, create } = setUp('10.0.0.0/24');
    const pool = '198.18.0.0/28';
    const assign = () => state.write(tx => assignPublicIp(tx, create2(tx), pool));
    const create2 = (tx: Parameters<Parameters<typeof state.write>[0]>[0]) =>
      createNetworkInterface({ db: tx, owner, now: 0 }, { subnet: subnetRow, groupIds: [], associatePublicIp: true });
    const subnetRow = state.get(subnets, create().subnetId) as SubnetRow;
    const rows = Array.from({ length: 11 }, assign);
    const cidr = parseCidr(pool);
    const addresses = rows.map(row => row.privateIpAddresses[0]?.publicIp ?? '');
    expect(new Set(addresses).size).toBe(11);
    for (const address of addresses) expect(cidr && contains(cidr, addressToNumber(address) ?? 0)).toBe(true);
    // The fabric's own addresses, and the broadcast address.
    for (const last of [0, 1, 2, 3, 15]) expect(addresses).not.toContain(`198.18.0.${last}`);
    expect(codeOf(assign)).toBe('InsufficientAddressCapacity');
    const first = rows[0];
    if (first === undefined) throw new Error('no interface');
    expect(state.write(tx => releasePublicIp(tx, first)).privateIpAddresses[0]?.publicIp).toBeUndefined();
    expect(allocatePublicAddress(state, pool)).toBe(addresses[0]);
  });

  test('an interface that has one keeps it', () => {
    const { state, create } = setUp('10.0.0.0/24');
    const row = create();
    const once = state.write(tx => assignPublicIp(tx, row, '198.18.0.0/16'));
    expect(state.write(tx => assignPublicIp(tx, once, '198.18.0.0/16'))).toBe(once);
  });
});

test('MAC addresses are unicast and locally administered', () => {
  const { state } = createTestApi();
  for (let index = 0; index < 100; index++) expect(newMacAddress(state)).toMatch(/^0[26ae](?::[0-9a-f]{2}){5}$/);
});

test('host names are those of the Region', () => {
  expect(privateDnsName('us-east-1', '172.31.0.10')).toBe('ip-172-31-0-10.ec2.internal');
  expect(privateDnsName('eu-west-1', '172.31.0.10')).toBe('ip-172-31-0-10.eu-west-1.compute.internal');
  expect(publicDnsName('us-east-1', '198.18.0.1')).toBe('ec2-198-18-0-1.compute-1.amazonaws.com');
  expect(publicDnsName('eu-west-1', '198.18.0.1')).toBe('ec2-198-18-0-1.eu-west-1.compute.amazonaws.com');
});
