import type {
  ListPoliciesGrantingServiceAccessEntry,
  ListPoliciesGrantingServiceAccessRequest,
  ListPoliciesGrantingServiceAccessResponse,
  PolicyGrantingServiceAccess,
} from '@aws-sdk/client-iam';
import { readOperation } from '../../api/operation.ts';
import { iamArn } from '../arns.ts';
import { validationError } from '../errors.ts';
import { ordinalKey, pageByKey } from '../paging.ts';
import { parsePolicyDocument } from '../policy/document.ts';
import { policySource, type SourcePolicy } from './sources.ts';

/**
 * Which policies of a user (with his groups'), group or role allow anything of a service. Denies, boundaries and
 * conditions are not looked at, as with AWS.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPoliciesGrantingServiceAccess.html
 */
export const listPoliciesGrantingServiceAccess = readOperation<
  ListPoliciesGrantingServiceAccessRequest,
  ListPoliciesGrantingServiceAccessResponse
>({
  service: 'iam',
  name: 'ListPoliciesGrantingServiceAccess',
  resources: ({ Arn: arn = '' }, { account }) => [
    /^arn:[^:]+:iam::\d{12}:(?:user|group|role)\/./.test(arn) ? arn : iamArn(account, 'user/*'),
  ],
  run: (input, context) => {
    const { policies } = policySource(context, input.Arn ?? '');
    const services = [...new Set(input.ServiceNamespaces ?? [])];
    if (services.length === 0 || services.some(one => !/^[\w-]{1,64}$/.test(one))) {
      throw validationError('ServiceNamespaces must name services, such as ec2.');
    }
    const entries = services.map(
      (service): ListPoliciesGrantingServiceAccessEntry => ({
        ServiceNamespace: service,
        Policies: policies.filter(policy => grants(policy.document, service)).map(render),
      }),
    );
    const numbered = entries.map((entry, at) => ({ entry, at }));
    const { rows, end } = pageByKey(context, input, numbered, one => ordinalKey(one.at));
    return { PoliciesGrantingServiceAccess: rows.map(one => one.entry), ...end };
  },
});

function render({ name, arn, holder }: SourcePolicy): PolicyGrantingServiceAccess {
  if (holder === undefined) return { PolicyName: name, PolicyType: 'MANAGED', PolicyArn: arn };
  const EntityType = ({ user: 'USER', group: 'GROUP', role: 'ROLE' } as const)[holder.type];
  return { PolicyName: name, PolicyType: 'INLINE', EntityType, EntityName: holder.name };
}

function grants(document: string, service: string): boolean {
  return parsePolicyDocument(document).statements.some(({ effect, actions }) => {
    if (effect !== 'Allow' || actions === undefined) return false;
    const names = actions.values.map(name => name.toLowerCase());
    const wanted = service.toLowerCase();
    if (actions.not) return !names.some(name => name === '*' || name === `${wanted}:*`);
    return names.some(name => name === '*' || name.startsWith(`${wanted}:`) || name.startsWith('*:'));
  });
}
