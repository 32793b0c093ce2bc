import type { CreateSecurityGroupResult } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { ApiError } from '../../api/errors.ts';
import { createTestApi } from '../../api/testing.ts';
import { defaultVpc } from '../subnets/choose.ts';
import { resolveGroups } from './resolve.ts';

const owner = '000000000000/us-east-1';

async function setUp() {
  const api = createTestApi();
  const ids: string[] = [];
  for (let index = 0; index < 6; index++) {
    const group = await api.call<CreateSecurityGroupResult>('CreateSecurityGroup', {
      GroupName: `g${index}`,
      Description: 'd',
    });
    ids.push(group.GroupId ?? '');
  }
  const context = { db: api.state, owner, region: 'us-east-1' };
  const { vpcId } = defaultVpc(context);
  return { ids, vpcId, resolve: (wanted: object) => resolveGroups(context, { vpcId, ...wanted }) };
}

test('ids and names, each group once; the default group when there are none', async () => {
  const { ids, resolve } = await setUp();
  expect(resolve({ ids: [ids[1], ids[0], ids[1]], names: ['g0', 'g2'] })).toEqual([ids[1], ids[0], ids[2]]);
  const [only, ...others] = resolve({});
  expect(others).toEqual([]);
  expect(ids).not.toContain(only);
  expect(resolve({ names: ['default'] })).toEqual([only]);
});

test('refusals', async () => {
  const { ids, resolve } = await setUp();
  const fail = (wanted: object) => {
    try {
      resolve(wanted);
    } catch (error) {
      if (error instanceof ApiError) return error;
      throw error;
    }
    throw new Error('resolveGroups should have failed');
  };
  expect(fail({ ids: ['sg-'] }).code).toBe('InvalidGroupId.Malformed');
  expect(fail({ ids: ['sg-00000000000000009'] }).code).toBe('InvalidGroup.NotFound');
  expect(fail({ names: ['nobody'] }).code).toBe('InvalidGroup.NotFound');
  expect(fail({ ids }).code).toBe('SecurityGroupsPerInterfaceLimitExceeded');
  const elsewhere = fail({ ids: [ids[0]], vpcId: 'vpc-00000000000000009', subnetId: 'subnet-1' });
  expect(elsewhere.code).toBe('InvalidParameter');
  expect(elsewhere.message).toBe(`Security group ${ids[0]} and subnet subnet-1 belong to different networks.`);
});
