import { type AwsManagedPolicy, actions, allow, declare } from './declare.ts';

/** Policies for IAM itself. */
export const identityPolicies: readonly AwsManagedPolicy[] = [
  declare('IAMFullAccess', 'Everything on IAM.', [
    allow([
      'iam:*',
      ...actions(
        'organizations',
        'DescribeAccount DescribeOrganization DescribeOrganizationalUnit DescribePolicy ListChildren ListParents ListPoliciesForTarget ListRoots ListPolicies ListTargetsForPolicy',
      ),
    ]),
  ]),
  declare('IAMReadOnlyAccess', 'Looking at IAM.', [
    allow(
      actions(
        'iam',
        'GenerateCredentialReport GenerateServiceLastAccessedDetails Get* List* SimulateCustomPolicy SimulatePrincipalPolicy',
      ),
    ),
  ]),
  declare('IAMUserChangePassword', "Changing one's own password.", [
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a policy variable
    allow(['iam:ChangePassword'], ['arn:aws:iam::*:user/${aws:username}']),
    allow(['iam:GetAccountPasswordPolicy']),
  ]),
  declare('IAMAccessAdvisorReadOnly', 'Looking at what last used its permissions.', [
    allow([
      ...actions(
        'iam',
        'ListRoles ListUsers ListGroups ListPolicies ListPoliciesGrantingServiceAccess GenerateServiceLastAccessedDetails GenerateOrganizationsAccessReport GenerateCredentialReport GetRole GetPolicy GetPolicyVersion GetServiceLastAccessedDetails GetServiceLastAccessedDetailsWithEntities GetOrganizationsAccessReport GetCredentialReport GetSAMLProvider',
      ),
    ]),
  ]),
  declare('AWSAccountActivityAccess', "Looking at the account's activity page.", [
    allow([
      ...actions(
        'account',
        'GetRegionOptStatus GetAccountInformation GetAlternateContact GetContactInformation ListRegions',
      ),
      'aws-portal:ViewBilling',
    ]),
  ]),
];
