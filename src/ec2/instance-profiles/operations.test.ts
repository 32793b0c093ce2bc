import type {
  DescribeIamInstanceProfileAssociationsResult,
  DescribeInstancesResult,
  IamInstanceProfileAssociation,
} from '@aws-sdk/client-ec2';
import { beforeEach, describe, expect, it } from 'vitest';
import { makeUser, setPolicy } from '../../api/access-testing.ts';
import { createTestIam, type TestIam, trust } from '../../iam/testing.ts';
import { launch, publishTestImage } from '../testing.ts';

let api: TestIam;
beforeEach(async () => {
  api = createTestIam();
  await makeProfile('web');
  await makeProfile('app');
});

async function makeProfile(name: string): Promise<void> {
  await api.iam('CreateInstanceProfile', { InstanceProfileName: name });
  await api.iam('CreateRole', { RoleName: `${name}-role`, AssumeRolePolicyDocument: trust() });
  await api.iam('AddRoleToInstanceProfile', { InstanceProfileName: name, RoleName: `${name}-role` });
}

const arnOf = (name: string) => `arn:aws:iam::000000000000:instance-profile/${name}`;
const roleArnOf = (name: string) => `arn:aws:iam::000000000000:role/${name}-role`;

async function start(input: object = {}): Promise<string> {
  const [instance] = await launch(api, input);
  return instance?.InstanceId ?? '';
}

async function associate(InstanceId: string, Name: string): Promise<IamInstanceProfileAssociation> {
  const input = { InstanceId, IamInstanceProfile: { Name } };
  const output = await api.call<{ IamInstanceProfileAssociation: IamInstanceProfileAssociation }>(
    'AssociateIamInstanceProfile',
    input,
  );
  return output.IamInstanceProfileAssociation;
}

const list = async (input: object = {}) =>
  (await api.call<DescribeIamInstanceProfileAssociationsResult>('DescribeIamInstanceProfileAssociations', input))
    .IamInstanceProfileAssociations ?? [];

const shown = async (id: string) =>
  (await api.call<DescribeInstancesResult>('DescribeInstances', { InstanceIds: [id] })).Reservations?.[0]
    ?.Instances?.[0]?.IamInstanceProfile;

describe('an instance profile', () => {
  it('is given at the launch, by name or ARN', async () => {
    for (const IamInstanceProfile of [{ Name: 'web' }, { Arn: arnOf('web') }]) {
      const id = await start({ IamInstanceProfile });
      expect(await shown(id)).toEqual({ Arn: arnOf('web'), Id: expect.stringMatching(/^AIPA/) });
    }
    const found = await api.call<DescribeInstancesResult>('DescribeInstances', {
      Filters: [{ Name: 'iam-instance-profile.arn', Values: [arnOf('web')] }],
    });
    expect(found.Reservations).toHaveLength(2);
    expect(await list()).toMatchObject([{ State: 'associated' }, { State: 'associated' }]);
  });

  it('is associated, replaced and disassociated', async () => {
    const id = await start();
    expect(await shown(id)).toBeUndefined();
    const made = await associate(id, 'web');
    expect(made).toEqual({
      AssociationId: expect.stringMatching(/^iip-assoc-0[0-9a-f]{16}$/),
      InstanceId: id,
      IamInstanceProfile: { Arn: arnOf('web'), Id: expect.stringMatching(/^AIPA/) },
      State: 'associating',
    });
    expect(await list()).toEqual([{ ...made, State: 'associated' }]);
    await api.call('ReplaceIamInstanceProfileAssociation', {
      AssociationId: made.AssociationId,
      IamInstanceProfile: { Arn: arnOf('app') },
    });
    expect(await shown(id)).toMatchObject({ Arn: arnOf('app') });
    const [replaced] = await list({ Filters: [{ Name: 'instance-id', Values: [id] }] });
    expect(replaced?.AssociationId).not.toBe(made.AssociationId);
    expect(await list({ AssociationIds: [replaced?.AssociationId] })).toEqual([replaced]);
    expect(await list({ Filters: [{ Name: 'state', Values: ['associating'] }] })).toEqual([]);
    await api.call('DisassociateIamInstanceProfile', { AssociationId: replaced?.AssociationId });
    expect(await list()).toEqual([]);
    expect(await shown(id)).toBeUndefined();
  });

  it('of an instance that has one is not set again', async () => {
    const id = await start({ IamInstanceProfile: { Name: 'web' } });
    const again = { InstanceId: id, IamInstanceProfile: { Name: 'app' } };
    expect(await api.fail('AssociateIamInstanceProfile', again)).toMatchObject({ code: 'IncorrectState' });
    expect(await shown(id)).toMatchObject({ Arn: arnOf('web') });
  });

  it.each([
    [{ Name: 'none' }, 'InvalidParameterValue', /iamInstanceProfile\.name.*Invalid IAM Instance Profile name/],
    [{ Arn: arnOf('x/web') }, 'InvalidParameterValue', /iamInstanceProfile\.arn.*Invalid IAM Instance Profile ARN/],
    [{ Arn: arnOf('web').replace('0000', '1111') }, 'InvalidParameterValue', /Invalid IAM Instance Profile ARN/],
    [{ Name: 'web', Arn: arnOf('web') }, 'InvalidParameterCombination', /not both/],
    [{ Name: 'empty' }, 'InvalidParameterValue', /has no associated IAM Roles/],
  ])('%j is refused, by launches and associations', async (IamInstanceProfile, code, message) => {
    await api.iam('CreateInstanceProfile', { InstanceProfileName: 'empty' });
    const id = await start();
    const refused = { code, message: expect.stringMatching(message) };
    expect(await api.fail('AssociateIamInstanceProfile', { InstanceId: id, IamInstanceProfile })).toMatchObject(
      refused,
    );
    const ImageId = await publishTestImage(api);
    const request = { ImageId, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1, IamInstanceProfile };
    expect(await api.fail('RunInstances', request)).toMatchObject(refused);
  });

  it('has an association that exists, of this account', async () => {
    const IamInstanceProfile = { Name: 'web' };
    const { AssociationId } = await associate(await start(), 'web');
    for (const [operation, input] of [
      ['DisassociateIamInstanceProfile', { AssociationId: 'iip-assoc-0123456789abcdef0' }],
      ['ReplaceIamInstanceProfileAssociation', { AssociationId: 'x', IamInstanceProfile }],
      ['DescribeIamInstanceProfileAssociations', { AssociationIds: ['iip-assoc-0123456789abcdef0'] }],
    ] as const)
      expect(await api.fail(operation, input)).toMatchObject({ code: 'InvalidAssociationID.NotFound' });
    const other = { account: '111122223333' };
    expect(await api.fail('DisassociateIamInstanceProfile', { AssociationId }, other)).toMatchObject({
      code: 'InvalidAssociationID.NotFound',
    });
  });

  it('is not associated with an instance that ends', async () => {
    const id = await start({ IamInstanceProfile: { Name: 'web' } });
    await api.call('TerminateInstances', { InstanceIds: [id] });
    const given = { InstanceId: id, IamInstanceProfile: { Name: 'app' } };
    expect(await api.fail('AssociateIamInstanceProfile', given)).toMatchObject({ code: 'IncorrectInstanceState' });
  });
});

describe('who gives an instance a profile', () => {
  it('needs to be allowed to pass its role to EC2', async () => {
    const ann = await makeUser(api, 'ann');
    const id = await start();
    const ImageId = await publishTestImage(api);
    const given = { IamInstanceProfile: { Name: 'web' } };
    const launching = { ImageId, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1, DryRun: true, ...given };
    const code = async (operation: string, input: object) => (await api.fail(operation, input, { as: ann })).code;
    const pass = (Resource: string, Condition?: object) => [
      { Action: 'ec2:*' },
      { Action: 'iam:PassRole', Resource, ...(Condition && { Condition }) },
    ];

    await setPolicy(api, 'ann', { Action: 'ec2:*' });
    expect(await code('RunInstances', launching)).toBe('UnauthorizedOperation');
    expect(await code('AssociateIamInstanceProfile', { InstanceId: id, ...given })).toBe('UnauthorizedOperation');
    await setPolicy(api, 'ann', pass(roleArnOf('app')));
    expect(await code('RunInstances', launching)).toBe('UnauthorizedOperation');
    const toOthers = { StringEquals: { 'iam:PassedToService': 'lambda.amazonaws.com' } };
    await setPolicy(api, 'ann', pass(roleArnOf('web'), toOthers));
    expect(await code('RunInstances', launching)).toBe('UnauthorizedOperation');

    await setPolicy(api, 'ann', pass(roleArnOf('web')));
    expect(await code('RunInstances', launching)).toBe('DryRunOperation');
    await api.call('AssociateIamInstanceProfile', { InstanceId: id, ...given }, { as: ann });
    const [{ AssociationId } = {}] = await list();
    const replacing = { AssociationId, IamInstanceProfile: { Name: 'app' } };
    expect(await code('ReplaceIamInstanceProfileAssociation', replacing)).toBe('UnauthorizedOperation');
    await api.call('DisassociateIamInstanceProfile', { AssociationId }, { as: ann });
  });

  it('may be held to certain profiles, and so may what is done with their instances', async () => {
    const ann = await makeUser(api, 'ann');
    const held = (key: string) => ({ Action: '*', Condition: { ArnLike: { [key]: arnOf('w*') } } });
    const id = await start();
    await setPolicy(api, 'ann', [held('ec2:NewInstanceProfile'), { Action: 'iam:PassRole' }]);
    const give = (Name: string) => ({ InstanceId: id, IamInstanceProfile: { Name } });
    expect((await api.fail('AssociateIamInstanceProfile', give('app'), { as: ann })).code).toBe(
      'UnauthorizedOperation',
    );
    await api.call('AssociateIamInstanceProfile', give('web'), { as: ann });
    await setPolicy(api, 'ann', held('ec2:InstanceProfile'));
    const other = await start();
    const monitor = (one: string) => ({ InstanceIds: [one], DryRun: true });
    expect((await api.fail('MonitorInstances', monitor(other), { as: ann })).code).toBe('UnauthorizedOperation');
    expect((await api.fail('MonitorInstances', monitor(id), { as: ann })).code).toBe('DryRunOperation');
  });
});
