import type { GetAccountSummaryResponse, SummaryKeyType } from '@aws-sdk/client-iam';
import { readOperation } from '../../api/operation.ts';
import { groups } from '../groups/model.ts';
import { instanceProfiles } from '../instance-profiles/model.ts';
import { accessKeys, keyHolder } from '../keys/model.ts';
import { managedPolicies } from '../managed-policies/model.ts';
import { mfaDevices } from '../mfa/model.ts';
import { oidcProviders } from '../oidc/model.ts';
import { quotas } from '../quotas.ts';
import { roles } from '../roles/model.ts';
import { users } from '../users/model.ts';

/** Of what is not here, such as server certificates, there are none. @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html */
export const getAccountSummary = readOperation<object, GetAccountSummaryResponse>({
  service: 'iam',
  name: 'GetAccountSummary',
  resources: () => ['*'],
  run: (_input, { db, account }) => {
    const policies = db.by(managedPolicies, 'account', account);
    const devices = db.by(mfaDevices, 'account', account);
    const SummaryMap: Record<SummaryKeyType, number> = {
      Users: db.countBy(users, 'account', account),
      UsersQuota: quotas.UsersPerAccount,
      Groups: db.countBy(groups, 'account', account),
      GroupsQuota: quotas.GroupsPerAccount,
      GroupsPerUserQuota: quotas.GroupsPerUser,
      Roles: db.countBy(roles, 'account', account),
      RolesQuota: quotas.RolesPerAccount,
      Policies: policies.length,
      PoliciesQuota: quotas.PoliciesPerAccount,
      PolicySizeQuota: quotas.PolicySize,
      PolicyVersionsInUse: policies.reduce((sum, policy) => sum + policy.versions.length, 0),
      PolicyVersionsInUseQuota: 10_000,
      VersionsPerPolicyQuota: quotas.VersionsPerPolicy,
      InstanceProfiles: db.countBy(instanceProfiles, 'account', account),
      InstanceProfilesQuota: quotas.InstanceProfilesPerAccount,
      Providers: db.countBy(oidcProviders, 'account', account),
      MFADevices: devices.length,
      MFADevicesInUse: devices.filter(device => device.enabled !== undefined).length,
      AccountMFAEnabled: 0,
      AccountAccessKeysPresent: Number(db.countBy(accessKeys, 'holder', keyHolder(account, undefined)) > 0),
      AccountPasswordPresent: 0,
      AccountSigningCertificatesPresent: 0,
      AccessKeysPerUserQuota: quotas.AccessKeysPerUser,
      SigningCertificatesPerUserQuota: 0,
      ServerCertificates: 0,
      ServerCertificatesQuota: 0,
      UserPolicySizeQuota: quotas.UserPolicySize,
      GroupPolicySizeQuota: quotas.GroupPolicySize,
      RolePolicySizeQuota: quotas.RolePolicySize,
      AssumeRolePolicySizeQuota: quotas.AssumeRolePolicySize,
      AttachedPoliciesPerUserQuota: quotas.PoliciesPerUser,
      AttachedPoliciesPerGroupQuota: quotas.PoliciesPerGroup,
      AttachedPoliciesPerRoleQuota: quotas.PoliciesPerRole,
      GlobalEndpointTokenVersion: 2,
    };
    return { SummaryMap };
  },
});
