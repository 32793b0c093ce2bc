/**
 * AWS's default quotas, by the names that its errors use, and sizes that cannot be raised.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 */
export const quotas = {
  UsersPerAccount: 5000,
  GroupsPerAccount: 300,
  RolesPerAccount: 1000,
  PoliciesPerAccount: 1500,
  InstanceProfilesPerAccount: 1000,
  OpenIdConnectProvidersPerAccount: 100,
  GroupsPerUser: 10,
  PoliciesPerUser: 10,
  PoliciesPerGroup: 10,
  PoliciesPerRole: 10,
  AccessKeysPerUser: 2,
  InstanceSessionsPerInstanceProfile: 1,
  VersionsPerPolicy: 5,
  /** Characters that are not white space. */
  PolicySize: 6144,
  UserPolicySize: 2048,
  GroupPolicySize: 5120,
  RolePolicySize: 10240,
  AssumeRolePolicySize: 2048,
  TagsPerResource: 50,
  MfaDevicesPerUser: 8,
} as const;
