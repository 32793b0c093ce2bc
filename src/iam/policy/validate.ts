import { operatorNameOf } from './conditions.ts';
import { parseDate } from './dates.ts';
import {
  malformed,
  type PolicyDocument,
  type PrincipalType,
  parsePolicyDocument,
  type Statement,
  syntaxError,
} from './document.ts';
import type { PolicyKind } from './types.ts';

/** Managed policies are identity policies too, but must be of version 2012-10-17. */
export type ValidatedKind = PolicyKind | 'managed';

/**
 * Checks a policy document as IAM does when it is created or put, in IAM's order and with its messages. Its size is
 * not looked at, nor whether the principals that it names exist (`principalsOf`).
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 * @throws ApiError `MalformedPolicyDocument`
 */
export function validatePolicyDocument(text: string, kind: ValidatedKind): PolicyDocument {
  const document = parsePolicyDocument(text);
  const { statements } = document;
  for (const statement of statements) checkOperators(statement);
  if (kind === 'managed' && document.version !== '2012-10-17')
    throw malformed('Policy document must be version 2012-10-17 or greater.');
  for (const statement of statements) checkLegacyForms(statement);
  checkSids(statements, kind);
  for (const statement of statements)
    if (statement.actions === undefined || statement.actions.values.length === 0)
      throw malformed('Policy statement must contain actions.');
  for (const statement of statements) checkPlace(statement, kind);
  for (const statement of statements) for (const resource of statement.resources?.values ?? []) checkResource(resource);
  for (const statement of statements) for (const action of statement.actions?.values ?? []) checkAction(action);
  for (const statement of statements) checkPrincipals(statement);
  return document;
}

/**
 * The principals that a document names, as type and name, each once; without `*`. Who creates a trust policy must see
 * that they exist.
 */
export function principalsOf(document: PolicyDocument): readonly { type: PrincipalType; name: string }[] {
  const found = new Map<string, { type: PrincipalType; name: string }>();
  for (const { principals } of document.statements)
    for (const [type, name] of namesOf(principals?.values))
      if (name !== '*') found.set(`${type} ${name}`, { type, name });
  return [...found.values()];
}

function checkOperators(statement: Statement): void {
  for (const { operator } of statement.conditions)
    if (operatorNameOf(operator) === undefined) throw syntaxError(`${operator} is not a condition operator.`);
}

function checkLegacyForms(statement: Statement): void {
  const failed = (): Error => malformed('The policy failed legacy parsing');
  for (const { operator, values } of statement.conditions)
    if (operatorNameOf(operator)?.base.startsWith('date') && values.some(value => parseDate(value) === undefined))
      throw failed();
  for (const resource of statement.resources?.values ?? []) {
    const parts = resource.split(':');
    if (resource.startsWith('arn:aws:') && parts[2] === '' && parts.length > 3) throw failed();
    if (parts.length > 1 && parts.length < 6 && resource.includes('::')) throw failed();
  }
}

function checkSids(statements: readonly Statement[], kind: ValidatedKind): void {
  const sids = statements.flatMap(({ sid }) => sid || []);
  // Policies of resources may have spaces in theirs; their service decides.
  if (kind !== 'resource' && kind !== 'key' && sids.some(sid => !/^[0-9A-Za-z]*$/.test(sid)))
    throw malformed(
      'Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*',
    );
  if (new Set(sids).size < sids.length) throw malformed('Statement IDs (SID) in a single policy must be unique.');
}

/** What a kind of policy must and must not have. */
function checkPlace(statement: Statement, kind: ValidatedKind): void {
  const principals = [...namesOf(statement.principals?.values)];
  if (kind === 'trust') {
    if (statement.resources !== undefined) throw malformed('Has prohibited field Resource');
    if (principals.length === 0) throw malformed('Missing required field Principal');
    const isAssumed = (action: string): boolean => /^sts:/i.test(action);
    if (statement.actions?.not || !statement.actions?.values.every(isAssumed))
      throw malformed('AssumeRole policy may only specify STS AssumeRole actions.');
    return;
  }
  if (kind === 'resource' || kind === 'key') {
    if (principals.length === 0) throw malformed('Missing required field Principal');
  } else if (statement.principals !== undefined) throw malformed('Policy document should not specify a principal.');
  if (statement.resources === undefined || statement.resources.values.length === 0)
    throw malformed('Policy statement must contain resources.');
}

const iamPaths = [
  'user/',
  'federated-user/',
  'role/',
  'group/',
  'instance-profile/',
  'mfa/',
  'server-certificate/',
  'policy/',
  'sms-mfa/',
  'saml-provider/',
  'oidc-provider/',
  'report/',
  'access-report/',
];

function checkResource(resource: string): void {
  if (resource === '*') return;
  // The colons of variables separate nothing.
  const parts = resource.replace(/\$\{[^{}]*\}/g, '*').split(':');
  const [arn, partition = '', service = '*', region = '*', account = '*', ...rest] = parts;
  if (arn !== 'arn' || parts.length < 2) throw malformed(`Resource ${resource} must be in ARN format or "*".`);
  const path = rest.length === 0 ? '*' : rest.join(':');
  if (partition !== 'aws' && partition !== '*')
    throw malformed(
      `Partition "${partition}" is not valid for resource "arn:${partition}:${service}:${region}:${account}:${path}".`,
    );
  if (parts.length < 3 || /[*?]/.test(service))
    throw malformed('Resource vendor must be fully qualified and cannot contain regexes.');
  if (service === 'iam') {
    if (region !== '') throw malformed(`IAM resource ${resource} cannot contain region information.`);
    if (path !== 'root' && !path.startsWith('*') && !iamPaths.some(start => path.startsWith(start)))
      throw malformed(`IAM resource path must either be "*" or start with ${iamPaths.join(', ')}.`);
  }
  if (service === 's3' && region !== '' && !/^access(?:point|-grants)\//.test(path))
    throw malformed(`Resource ${resource} can not contain region information.`);
}

function checkAction(action: string): void {
  if (action === '*') return;
  const [vendor = '', name, ...rest] = action.split(':');
  if (name === undefined) throw malformed('Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.');
  if (rest.length > 0) throw malformed('Actions/Condition can contain only one colon.');
  if (vendor !== '*' && !/^[a-zA-Z0-9.-]+$/.test(vendor)) throw malformed(`Vendor ${vendor} is not valid`);
}

const principalForms: Readonly<Record<PrincipalType, RegExp>> = {
  AWS: /^(?:\*|\d{12}|A[A-Z0-9]{15,127}(?::[\w+=,.@-]+)?|arn:aws[a-z-]*:(?:iam::\d{12}:(?:root|user\/[^*?]+|role\/[^*?]+)|sts::\d{12}:(?:assumed-role\/[^*?/]+\/[^*?/]+|federated-user\/[^*?/]+)))$/,
  Service: /^[a-z0-9.-]+\.amazonaws\.com(?:\.cn)?$/i,
  Federated: /^(?:arn:aws[a-z-]*:iam::\d{12}:(?:saml|oidc)-provider\/.+|[a-z0-9-]+(?:\.[a-z0-9-]+)+)$/i,
  CanonicalUser: /^[0-9a-f]{64}$/,
};

function checkPrincipals(statement: Statement): void {
  for (const [type, name] of namesOf(statement.principals?.values))
    if (!principalForms[type].test(name))
      throw malformed(`Invalid principal in policy: "${type === 'AWS' ? type : type.toUpperCase()}":"${name}"`);
}

function* namesOf(
  values: Readonly<Record<PrincipalType, readonly string[]>> | undefined,
): Generator<[PrincipalType, string]> {
  if (values === undefined) return;
  for (const type of ['AWS', 'Service', 'Federated', 'CanonicalUser'] as const)
    for (const name of values[type]) yield [type, name];
}
