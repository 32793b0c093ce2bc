import type {
  AuthorizeSecurityGroupEgressRequest,
  AuthorizeSecurityGroupIngressRequest,
  AuthorizeSecurityGroupIngressResult,
  DescribeSecurityGroupRulesRequest,
  DescribeSecurityGroupRulesResult,
  ModifySecurityGroupRulesRequest,
  ModifySecurityGroupRulesResult,
  RevokeSecurityGroupEgressRequest,
  RevokeSecurityGroupIngressRequest,
  RevokeSecurityGroupIngressResult,
  UpdateSecurityGroupRuleDescriptionsIngressRequest,
  UpdateSecurityGroupRuleDescriptionsIngressResult,
} from '@aws-sdk/client-ec2';
import { arn, arns } from '../../api/arn.ts';
import { idKinds } from '../../api/ids.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { describeOwn } from '../describe.ts';
import { authorize, revoke } from './authorize.ts';
import { securityGroupRuleFilters } from './filters.ts';
import { findGroup, type GroupInput, requestedGroupArn } from './find.ts';
import { securityGroupRules } from './model.ts';
import { modifyRules, updateDescriptions } from './modify.ts';
import { renderRule } from './render.ts';

const groupOf = (input: GroupInput, context: ReadContext) => [requestedGroupArn(context, input)];

/** Rules are resources of their own when the request gives tags for them. */
const groupAndRules = (
  input: GroupInput & Pick<AuthorizeSecurityGroupIngressRequest, 'TagSpecifications'>,
  context: ReadContext,
) => [
  requestedGroupArn(context, input),
  ...(input.TagSpecifications?.length ? [arn(context, 'security-group-rule')] : []),
];

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html */
const authorizeIngress = writeOperation<AuthorizeSecurityGroupIngressRequest, AuthorizeSecurityGroupIngressResult>({
  service: 'ec2',
  name: 'AuthorizeSecurityGroupIngress',
  resources: groupAndRules,
  run: (input, context) => authorize(context, input, false),
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupEgress.html */
const authorizeEgress = writeOperation<AuthorizeSecurityGroupEgressRequest, AuthorizeSecurityGroupIngressResult>({
  service: 'ec2',
  name: 'AuthorizeSecurityGroupEgress',
  resources: groupAndRules,
  run: (input, context) => authorize(context, input, true),
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html */
const revokeIngress = writeOperation<RevokeSecurityGroupIngressRequest, RevokeSecurityGroupIngressResult>({
  service: 'ec2',
  name: 'RevokeSecurityGroupIngress',
  resources: groupOf,
  run: (input, context) => revoke(context, input, false),
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupEgress.html */
const revokeEgress = writeOperation<RevokeSecurityGroupEgressRequest, RevokeSecurityGroupIngressResult>({
  service: 'ec2',
  name: 'RevokeSecurityGroupEgress',
  resources: groupOf,
  run: (input, context) => revoke(context, input, true),
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupRules.html */
const describeRules = readOperation<DescribeSecurityGroupRulesRequest, DescribeSecurityGroupRulesResult>({
  service: 'ec2',
  name: 'DescribeSecurityGroupRules',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(context, input, {
      table: securityGroupRules,
      kind: idKinds.securityGroupRule,
      ids: input.SecurityGroupRuleIds,
      filters: securityGroupRuleFilters,
      keyFilter: 'security-group-rule-id',
      indexed: { 'group-id': 'group' },
    });
    return { SecurityGroupRules: page.rows.map(row => renderRule(context.db, row)), NextToken: page.nextToken };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySecurityGroupRules.html */
const modifySecurityGroupRules = writeOperation<ModifySecurityGroupRulesRequest, ModifySecurityGroupRulesResult>({
  service: 'ec2',
  name: 'ModifySecurityGroupRules',
  resources: (input, context) => [
    ...groupOf(input, context),
    ...arns(
      context,
      'security-group-rule',
      input.SecurityGroupRules?.flatMap(one => one.SecurityGroupRuleId ?? []),
    ),
  ],
  run: (input, context) => {
    modifyRules(context, findGroup(context, input), input.SecurityGroupRules ?? []);
    return { Return: true };
  },
});

const updateRuleDescriptions = (name: string, isEgress: boolean) =>
  writeOperation<UpdateSecurityGroupRuleDescriptionsIngressRequest, UpdateSecurityGroupRuleDescriptionsIngressResult>({
    service: 'ec2',
    name,
    resources: groupOf,
    run: (input, context) => {
      updateDescriptions(context, input, isEgress);
      return { Return: true };
    },
  });

export const ruleOperations: readonly AnyOperation[] = [
  authorizeIngress,
  authorizeEgress,
  revokeIngress,
  revokeEgress,
  describeRules,
  modifySecurityGroupRules,
  /** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UpdateSecurityGroupRuleDescriptionsIngress.html */
  updateRuleDescriptions('UpdateSecurityGroupRuleDescriptionsIngress', false),
  /** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UpdateSecurityGroupRuleDescriptionsEgress.html */
  updateRuleDescriptions('UpdateSecurityGroupRuleDescriptionsEgress', true),
];
