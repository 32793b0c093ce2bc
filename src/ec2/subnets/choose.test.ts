import { describe, expect, test } from 'vitest';
import { ApiError } from '../../api/errors.ts';
import { createTestApi } from '../../api/testing.ts';
import { prepareRegion } from '../vpcs/default-vpc.ts';
import { vpcs } from '../vpcs/model.ts';
import { chooseSubnet } from './choose.ts';
import { subnets } from './model.ts';

const owner = '000000000000/us-east-1';

function setUp() {
  const { state } = createTestApi();
  prepareRegion(state, '000000000000', 'us-east-1', 0);
  const choose = (wanted: Parameters<typeof chooseSubnet>[1]) =>
    chooseSubnet({ db: state, owner, region: 'us-east-1' }, wanted);
  const fail = (wanted: Parameters<typeof chooseSubnet>[1]) => {
    try {
      choose(wanted);
    } catch (error) {
      if (error instanceof ApiError) return error.code;
      throw error;
    }
    throw new Error('chooseSubnet should have failed');
  };
  return { state, choose, fail };
}

describe('chooseSubnet', () => {
  test('without wishes: the first default subnet', () => {
    expect(setUp().choose({}).availabilityZone).toBe('us-east-1a');
  });

  test('the subnet or the zone that is asked for', () => {
    const { choose } = setUp();
    const subnet = choose({ availabilityZone: 'us-east-1c' });
    expect(subnet.availabilityZone).toBe('us-east-1c');
    expect(choose({ subnetId: subnet.subnetId })).toBe(subnet);
  });

  test('a default subnet without enough addresses is passed over', () => {
    const { state, choose } = setUp();
    const first = choose({});
    state.write(tx => tx.put(subnets, { ...first, cidrBlock: '172.31.0.0/28' }));
    expect(choose({ addresses: 11 }).availabilityZone).toBe('us-east-1a');
    expect(choose({ addresses: 12 }).availabilityZone).toBe('us-east-1b');
    expect(choose({ addresses: 100_000 }).availabilityZone).toBe('us-east-1b');
  });

  test('refusals', () => {
    const { state, choose, fail } = setUp();
    const { subnetId } = choose({});
    expect(fail({ availabilityZone: 'us-east-1z' })).toBe('InvalidParameterValue');
    expect(fail({ availabilityZone: 'eu-west-1a' })).toBe('InvalidParameterValue');
    expect(fail({ subnetId, availabilityZone: 'us-east-1b' })).toBe('InvalidParameterValue');
    expect(fail({ subnetId: 'subnet' })).toBe('InvalidSubnetID.Malformed');
    expect(fail({ subnetId: 'subnet-00000000000000009' })).toBe('InvalidSubnetID.NotFound');
    for (const row of state.by(subnets, 'owner', owner)) state.write(tx => tx.delete(subnets, row.subnetId));
    expect(fail({ availabilityZone: 'us-east-1a' })).toBe('MissingInput');
    expect(fail({})).toBe('MissingInput');
    for (const row of state.by(vpcs, 'owner', owner)) state.write(tx => tx.delete(vpcs, row.vpcId));
    expect(fail({})).toBe('VPCIdNotSpecified');
  });
});
