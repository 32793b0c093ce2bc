import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type InstanceProfileRow, instanceProfileArn, instanceProfiles } from '../iam/instance-profiles/model.ts';
import { type RoleRow, roles } from '../iam/roles/model.ts';
import { createSecrets } from '../iam/secrets.ts';
import { trust } from '../iam/testing.ts';
import { SessionTokens } from '../sts/session-tokens.ts';
import { createTestMetadata, type TestMetadata } from './testing.ts';

const secrets = createSecrets(new Uint8Array(32).fill(8));
const account = '123456789012';

let imds: TestMetadata;
let role: RoleRow;
let profile: InstanceProfileRow;

beforeEach(async () => {
  imds = await createTestMetadata();
  role = {
    roleId: 'AROAAAAAAAAAAAAAAAAAA',
    account,
    roleName: 'Worker',
    path: '/',
    createDate: imds.clock.now(),
    tags: [],
    assumeRolePolicyDocument: trust(),
    maxSessionDuration: 3600,
    inlinePolicies: [],
    attachedPolicies: [],
  };
  profile = {
    instanceProfileId: 'AIPAAAAAAAAAAAAAAAAAA',
    account,
    instanceProfileName: 'workers',
    path: '/',
    createDate: imds.clock.now(),
    tags: [],
    roleId: role.roleId,
  };
  imds.state.write(tx => {
    tx.put(roles, role);
    tx.put(instanceProfiles, profile);
  });
});
afterEach(() => imds.close());

function associate(id = 'iip-assoc-0123456789abcdef0'): void {
  const { instanceProfileId } = profile;
  imds.change({
    instanceProfile: {
      associationId: id,
      instanceProfileId,
      arn: instanceProfileArn(profile),
      since: imds.clock.now(),
    },
  });
}

const get = (path: string, from?: string) => imds.send('GET', `/latest/meta-data/${path}`, {}, from);
const json = async (path: string, from?: string) => JSON.parse((await get(path, from)).body);
const credentials = (from?: string) => json('iam/security-credentials/Worker', from);

describe('the metadata of an instance', () => {
  it('without a profile has no iam', async () => {
    expect((await get('')).body.split('\n')).not.toContain('iam/');
    for (const path of ['iam', 'iam/info', 'iam/security-credentials', 'iam/security-credentials/Worker'])
      expect((await get(path)).status).toBe(404);
  });

  it('tells of its profile', async () => {
    associate();
    expect((await get('')).body.split('\n')).toContain('iam/');
    expect((await get('iam/')).body).toBe('info\nsecurity-credentials/');
    expect((await get('iam/security-credentials/')).body).toBe('Worker');
    expect(await json('iam/info')).toEqual({
      Code: 'Success',
      LastUpdated: '2026-01-31T10:00:00Z',
      InstanceProfileArn: `arn:aws:iam::${account}:instance-profile/workers`,
      InstanceProfileId: profile.instanceProfileId,
    });
  });

  it('gives credentials of its role, named after the instance', async () => {
    associate();
    const given = await credentials();
    expect(given).toEqual({
      Code: 'Success',
      LastUpdated: '2026-01-31T10:00:00Z',
      Type: 'AWS-HMAC',
      AccessKeyId: expect.stringMatching(/^ASIA[A-Z2-7]{16}$/),
      SecretAccessKey: expect.any(String),
      Token: expect.any(String),
      Expiration: '2026-01-31T16:00:00Z',
    });
    const key = new SessionTokens(secrets).keyOf(imds.state, given.AccessKeyId, given.Token);
    expect(key).toMatchObject({
      secretAccessKey: given.SecretAccessKey,
      principal: {
        type: 'assumed-role',
        arn: `arn:aws:sts::${account}:assumed-role/Worker/${imds.instanceId}`,
        instanceId: imds.instanceId,
      },
    });
  });

  it('replaces them in time, and only then', async () => {
    associate();
    const first = await credentials();
    imds.clock.time += 0.9 * 3_600_000;
    expect(await credentials()).toEqual(first);
    imds.clock.time += 0.2 * 3_600_000;
    const second = await credentials();
    expect(second.AccessKeyId).not.toBe(first.AccessKeyId);
    expect(second.Expiration).toBe('2026-01-31T17:06:00Z');
    // Who has the old ones can go on using them.
    expect(new SessionTokens(secrets).keyOf(imds.state, first.AccessKeyId, first.Token)).toBeDefined();
  });

  it('gives each instance its own', async () => {
    associate();
    imds.launch('i-0fedcba9876543210', '127.0.0.11', {
      instanceProfile: {
        associationId: 'iip-assoc-1',
        instanceProfileId: profile.instanceProfileId,
        arn: 'x',
        since: 0,
      },
    });
    expect((await credentials('127.0.0.11')).AccessKeyId).not.toBe((await credentials()).AccessKeyId);
  });

  it('follows what happens to role and profile', async () => {
    associate();
    imds.state.write(tx => tx.put(roles, { ...role, assumeRolePolicyDocument: trust({ Service: 'x.amazonaws.com' }) }));
    expect(await credentials()).toMatchObject({ Code: 'AssumeRoleUnauthorizedAccess' });
    const { roleId: _roleId, ...empty } = profile;
    imds.state.write(tx => tx.put(instanceProfiles, empty));
    expect((await get('iam/security-credentials/Worker')).status).toBe(404);
    expect(await json('iam/info')).toMatchObject({ Code: 'Success' });
    imds.state.write(tx => tx.delete(instanceProfiles, profile.instanceProfileId));
    expect(await json('iam/info')).toMatchObject({ Code: 'InstanceProfileNotFound' });
  });
});
