import type { AccessRequest, Decision, Gate, MatchedStatement } from './types.ts';

/**
 * A decision in words, a sentence an entry: the answer first, then the statements that decided or what is missing,
 * then the condition keys that the request lacks.
 * @param who how to call the caller, such as his ARN
 */
export function explain(decision: Decision, request: AccessRequest, who: string): readonly string[] {
  const resource = request.resource === '*' ? 'all resources' : request.resource;
  const what = `${request.action} on ${resource}`;
  return [
    `${who} ${decision.effect === 'allowed' ? 'is allowed' : 'is denied'} ${what}.`,
    ...reasons(decision, request.action),
    ...decision.missingContextKeys.map(key => `A statement asks for ${key}, for which the request has no value.`),
  ];
}

function reasons(decision: Decision, action: string): readonly string[] {
  const { effect, matched, missing } = decision;
  if (effect === 'explicitDeny')
    return matched.map(each => `${statementName(each)} denies it, whatever else allows it.`);
  if (effect === 'allowed') {
    if (matched.length === 0) return ['The caller is the root user of the account, and nothing denies it.'];
    return matched.map(each => `${statementName(each)} allows it.`);
  }
  return [
    ...matched.map(each => `${statementName(each)} allows it, but that is not enough.`),
    ...(missing === undefined ? [] : [missingSentence(missing, action)]),
  ];
}

/** `Statement "Stop" of the managed policy operators`, or by its number when it has no Sid. */
function statementName({ sid, statementIndex, sourceId, sourceType, gate }: MatchedStatement): string {
  const which = sid ? `Statement "${sid}"` : `Statement ${statementIndex + 1}`;
  const kind = gate === 'boundary' || gate === 'session' ? gate : sourceType;
  return `${which} of ${sourceNames[kind]} ${sourceId}`;
}

const sourceNames: Readonly<Record<MatchedStatement['sourceType'], string>> = {
  user: "the user's policy",
  group: "the group's policy",
  role: "the role's policy",
  'aws-managed': 'the AWS managed policy',
  'user-managed': 'the managed policy',
  resource: 'the policy of the resource',
  session: 'the session policy',
  boundary: 'the permissions boundary',
};

function missingSentence(missing: Gate, action: string): string {
  switch (missing) {
    case 'identity':
      return 'No identity-based policy of the caller allows it.';
    case 'boundary':
      return "The caller's permissions boundary does not allow it.";
    case 'session':
      return 'No session policy of the credentials allows it.';
    case 'resource':
      return isAssuming(action)
        ? 'The trust policy of the role does not allow it to the caller.'
        : 'The policy of the resource does not allow it to the caller.';
  }
}

/**
 * The end of AWS's error message: `because no identity-based policy allows the ec2:StopInstances action`,
 * `with an explicit deny in a permissions boundary`. Empty for what is allowed.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 */
export function denialReason(decision: Decision, action: string): string {
  if (decision.effect === 'allowed') return '';
  const gate = decision.effect === 'explicitDeny' ? decision.matched[0]?.gate : decision.missing;
  const trust = gate === 'resource' && isAssuming(action);
  const name = trust ? 'role trust policy' : gateNames[gate ?? 'identity'];
  if (decision.effect === 'implicitDeny') return `because no ${name} allows the ${action} action`;
  return `with an explicit deny in ${trust ? 'the' : /^i/.test(name) ? 'an' : 'a'} ${name}`;
}

const gateNames: Readonly<Record<Gate, string>> = {
  identity: 'identity-based policy',
  boundary: 'permissions boundary',
  session: 'session policy',
  resource: 'resource-based policy',
};

function isAssuming(action: string): boolean {
  return /^sts:assumerole/i.test(action);
}
