import type {
  CreateServiceLinkedRoleResponse,
  DeleteServiceLinkedRoleResponse,
  GetRoleResponse,
  GetServiceLinkedRoleDeletionStatusResponse,
  ListAttachedRolePoliciesResponse,
  UpdateRoleDescriptionResponse,
} from '@aws-sdk/client-iam';
import { beforeEach, describe, expect, test } from 'vitest';
import { awsManagedPolicy } from '../aws-managed/policies.ts';
import { createTestIam, policy, type TestIam, testAccount, trust } from '../testing.ts';
import { deletionTasks } from './model.ts';
import { ensureServiceLinkedRole } from './operations.ts';
import { linkedServices } from './services.ts';

let api: TestIam;
beforeEach(() => {
  api = createTestIam();
});

const AWSServiceName = 'autoscaling.amazonaws.com';
const RoleName = 'AWSServiceRoleForAutoScaling';
const create = async (more: object = {}) =>
  (await api.iam<CreateServiceLinkedRoleResponse>('CreateServiceLinkedRole', { AWSServiceName, ...more })).Role;
const remove = async () =>
  (await api.iam<DeleteServiceLinkedRoleResponse>('DeleteServiceLinkedRole', { RoleName })).DeletionTaskId;
const status = (DeletionTaskId: string | undefined) =>
  api.iam<GetServiceLinkedRoleDeletionStatusResponse>('GetServiceLinkedRoleDeletionStatus', { DeletionTaskId });

test.each(linkedServices.map(linked => [linked.service, linked] as const))(
  '%s has a role and its policy',
  async (service, linked) => {
    const role = await create({ AWSServiceName: service });
    expect(role).toMatchObject({
      RoleName: linked.roleName,
      Path: `/aws-service-role/${service}/`,
      Arn: `arn:aws:iam::000000000000:role/aws-service-role/${service}/${linked.roleName}`,
      AssumeRolePolicyDocument: encodeURIComponent(trust({ Service: service })),
    });
    const { AttachedPolicies } = await api.iam<ListAttachedRolePoliciesResponse>('ListAttachedRolePolicies', {
      RoleName: linked.roleName,
    });
    expect(AttachedPolicies).toHaveLength(1);
    expect(awsManagedPolicy(AttachedPolicies?.[0]?.PolicyArn ?? '')?.path).toBe('/aws-service-role/');
  },
);

test('only some services have several, by suffix', async () => {
  await create();
  expect(await create({ CustomSuffix: 'web', Description: 'for web' })).toMatchObject({
    RoleName: `${RoleName}_web`,
    Description: 'for web',
  });
  const bad = (input: object) => api.code('CreateServiceLinkedRole', { AWSServiceName, ...input });
  expect(await bad({})).toBe('InvalidInput');
  expect(await bad({ CustomSuffix: 'web' })).toBe('InvalidInput');
  expect(await bad({ CustomSuffix: 'a/b' })).toBe('ValidationError');
  expect(await bad({ CustomSuffix: 'x'.repeat(60) })).toBe('ValidationError');
  expect(await bad({ AWSServiceName: 'spot.amazonaws.com', CustomSuffix: 'x' })).toBe('InvalidInput');
  expect(await bad({ AWSServiceName: 'nonesuch.amazonaws.com' })).toBe('InvalidInput');
});

describe('a service-linked role', () => {
  test.each([
    ['DeleteRole', {}],
    ['UpdateRole', { MaxSessionDuration: 7200 }],
    ['UpdateAssumeRolePolicy', { PolicyDocument: trust() }],
    ['PutRolePolicy', { PolicyName: 'p', PolicyDocument: policy('ec2:*') }],
    ['AttachRolePolicy', { PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' }],
    ['DetachRolePolicy', { PolicyArn: 'arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy' }],
    ['PutRolePermissionsBoundary', { PermissionsBoundary: 'arn:aws:iam::aws:policy/ReadOnlyAccess' }],
  ])('%s does not change it', async (operation, input) => {
    await create();
    expect(await api.code(operation, { RoleName, ...input })).toBe('UnmodifiableEntity');
  });

  test('may be described and tagged', async () => {
    expect((await create())?.Description).toBeUndefined();
    await api.iam('TagRole', { RoleName, Tags: [{ Key: 'a', Value: 'b' }] });
    const tagged = await api.iam<GetRoleResponse>('GetRole', { RoleName });
    expect(tagged.Role?.Tags).toEqual([{ Key: 'a', Value: 'b' }]);
    const { Role } = await api.iam<UpdateRoleDescriptionResponse>('UpdateRoleDescription', {
      RoleName,
      Description: 'mine',
    });
    expect(Role?.Description).toBe('mine');
  });

  test('is deleted by a task that can be followed', async () => {
    await create();
    const task = await remove();
    expect(task).toMatch(
      /^task\/aws-service-role\/autoscaling\.amazonaws\.com\/AWSServiceRoleForAutoScaling\/[\w-]{36}$/,
    );
    expect(await status(task)).toEqual({ Status: 'SUCCEEDED' });
    expect(await api.code('GetRole', { RoleName })).toBe('NoSuchEntity');
    expect(await api.code('DeleteServiceLinkedRole', { RoleName })).toBe('NoSuchEntity');
    expect(await api.code('GetServiceLinkedRoleDeletionStatus', { DeletionTaskId: task }, '111122223333')).toBe(
      'NoSuchEntity',
    );
    await api.iam('CreateRole', { RoleName: 'own', AssumeRolePolicyDocument: trust() });
    expect(await api.code('DeleteServiceLinkedRole', { RoleName: 'own' })).toBe('InvalidInput');
  });

  test('leaves a bounded number of tasks behind', async () => {
    for (let at = 0; at < 105; at++) {
      await create();
      await remove();
    }
    expect(api.state.countBy(deletionTasks, 'account', testAccount)).toBe(100);
  });

  test('is made once by actions that need it', async () => {
    const context = { account: testAccount, now: 1 } as Parameters<typeof ensureServiceLinkedRole>[0];
    const ensure = () =>
      api.state.write(db => ensureServiceLinkedRole({ ...context, db }, 'spot.amazonaws.com').roleId);
    expect(ensure()).toBe(ensure());
    const { Role } = await api.iam<GetRoleResponse>('GetRole', { RoleName: 'AWSServiceRoleForEC2Spot' });
    expect(Role?.Path).toBe('/aws-service-role/spot.amazonaws.com/');
  });
});
