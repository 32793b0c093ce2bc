import type {
  GetContextKeysForCustomPolicyRequest,
  GetContextKeysForPolicyResponse,
  GetContextKeysForPrincipalPolicyRequest,
  SimulateCustomPolicyRequest,
  SimulatePolicyResponse,
  SimulatePrincipalPolicyRequest,
} from '@aws-sdk/client-iam';
import { type AnyOperation, type ReadContext, readOperation } from '../../api/operation.ts';
import { iamArn } from '../arns.ts';
import { invalidInput, validationError } from '../errors.ts';
import { ordinalKey, pageByKey } from '../paging.ts';
import { compilePolicy } from '../policy/compile.ts';
import { contextKeysOf } from '../policy/context-keys.ts';
import { parsePolicyDocument } from '../policy/document.ts';
import type { PolicyPrincipal } from '../policy/types.ts';
import { contextOf } from './context-entries.ts';
import { checkHandling } from './resource-handling.ts';
import { type SimulatedPolicy, type Simulation, simulate } from './simulate.ts';
import { exclusion, policySource, type SourcePolicy } from './sources.ts';

/** Actions and resources that one call may ask about. */
const maximumNames = 1000;

/** Policies that a request gives, named by their places. @throws ApiError `InvalidInput`, `MalformedPolicyDocument` */
function given(list: readonly string[] | undefined, name: string): SimulatedPolicy[] {
  return (list ?? []).map((document, at) => ({
    document,
    policy: compilePolicy(document, { id: `${name}.${at + 1}`, type: 'session' }, 'identity'),
  }));
}

function compiled({ document, id, type }: SourcePolicy): SimulatedPolicy {
  return { document, policy: compilePolicy(document, { id, type }, 'identity') };
}

function boundaryIn(list: readonly string[] | undefined): SimulatedPolicy | undefined {
  const boundaries = given(list, 'PermissionsBoundaryPolicyInputList');
  if (boundaries.length > 1) throw invalidInput('Only one permissions boundary can be given.');
  return boundaries[0];
}

/** The part of a request that both simulations share. */
type Common = Pick<
  SimulateCustomPolicyRequest,
  | 'ActionNames'
  | 'ResourceArns'
  | 'ResourcePolicy'
  | 'ResourceOwner'
  | 'CallerArn'
  | 'ContextEntries'
  | 'ResourceHandlingOption'
  | 'MaxItems'
  | 'Marker'
>;

interface Policies {
  readonly identity: readonly SimulatedPolicy[];
  readonly boundary: SimulatedPolicy | undefined;
  readonly organization?: readonly (readonly SimulatedPolicy[])[] | undefined;
}

function run(context: ReadContext, input: Common, caller: PolicyPrincipal, policies: Policies): SimulatePolicyResponse {
  const actions = checkedActions(input.ActionNames);
  const resources = checkedResources(input.ResourceArns);
  checkHandling(input.ResourceHandlingOption, actions, resources);
  const resource = resourcePolicy(input);
  const documents = [
    ...policies.identity,
    ...(policies.boundary ? [policies.boundary] : []),
    ...(policies.organization ?? []).flat(),
    ...(resource ? [resource] : []),
  ].map(one => one.document);
  const simulation: Simulation = {
    caller,
    ...policies,
    resource,
    resourceOwner: ownerIn(input.ResourceOwner) ?? caller.account,
    keys: contextOf(input.ContextEntries),
    keyNames: new Map(contextKeysIn(documents).map(name => [name.toLowerCase(), name])),
  };
  const numbered = actions.map((action, at) => ({ action, at }));
  const { rows, end } = pageByKey(context, input, numbered, one => ordinalKey(one.at));
  return { EvaluationResults: rows.map(({ action }) => simulate(simulation, action, resources)), ...end };
}

/** @throws ApiError `InvalidInput`, `ValidationError` */
function checkedActions(names: readonly string[] | undefined): readonly string[] {
  const actions = [...new Set(names ?? [])];
  if (actions.length === 0 || actions.length > maximumNames) {
    throw validationError(`ActionNames must have 1 to ${maximumNames} names; it has ${actions.length}.`);
  }
  const wrong = actions.find(name => !/^[a-zA-Z0-9-]+:[a-zA-Z0-9_-]+$/.test(name));
  if (wrong !== undefined) {
    throw invalidInput(
      `Invalid Action: '${wrong}'. Actions are named with their service and without wildcards, such as ec2:RunInstances.`,
    );
  }
  return actions;
}

/** @throws ApiError `InvalidInput`, `ValidationError` */
function checkedResources(arns: readonly string[] | undefined): readonly string[] {
  const resources = [...new Set(arns ?? [])];
  if (resources.length === 0) return ['*'];
  if (resources.length > maximumNames) throw validationError(`ResourceArns must have at most ${maximumNames} ARNs.`);
  const wrong = resources.find(arn => arn !== '*' && !/^arn:[^:]+:[^:]+:[^:]*:[^:]*:.+$/.test(arn));
  if (wrong !== undefined) throw invalidInput(`Invalid Resource Arn: ${wrong}`);
  return resources;
}

function resourcePolicy({ ResourcePolicy: document, CallerArn: caller }: Common): SimulatedPolicy | undefined {
  if (document === undefined) return undefined;
  if (caller === undefined) {
    throw invalidInput('CallerArn is required with ResourcePolicy, whose Principal must have a caller to fit.');
  }
  return { document, policy: compilePolicy(document, { id: 'ResourcePolicy', type: 'resource' }, 'resource') };
}

/** The account that ResourceOwner names, by its number or its root's ARN. @throws ApiError `InvalidInput` */
function ownerIn(owner: string | undefined): string | undefined {
  if (owner === undefined) return undefined;
  const account = /^(?:arn:aws:iam::)?(\d{12})(?::root)?$/.exec(owner)?.[1];
  if (account === undefined) throw invalidInput(`Invalid ResourceOwner: ${owner}. Give an account's number.`);
  return account;
}

/** @throws ApiError `InvalidInput` */
function callerIn(arn: string): PolicyPrincipal {
  const account = /^arn:aws:iam::(\d{12}):(?:user|group|role)\/\S+$/.exec(arn)?.[1];
  if (account === undefined) {
    throw invalidInput(`Invalid Caller Arn: ${arn}. It must be that of a user, group or role.`);
  }
  return { account, arns: [arn], isRoot: false };
}

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html */
const simulateCustomPolicy = readOperation<SimulateCustomPolicyRequest, SimulatePolicyResponse>({
  service: 'iam',
  name: 'SimulateCustomPolicy',
  resources: () => ['*'],
  run: (input, context) => {
    const caller =
      input.CallerArn === undefined ? { account: context.account, arns: [], isRoot: false } : callerIn(input.CallerArn);
    return run(context, input, caller, {
      identity: given(input.PolicyInputList, 'PolicyInputList'),
      boundary: boundaryIn(input.PermissionsBoundaryPolicyInputList),
      organization: input.OrderedOrganizationPolicyInputList?.map((level, at) =>
        given(level.ServiceControlPolicyInputList, `OrderedOrganizationPolicyInputList.${at + 1}`),
      ),
    });
  },
});

/** @throws ApiError `MalformedPolicyDocument` */
function contextKeysIn(documents: readonly string[]): string[] {
  return [...contextKeysOf(documents.map(parsePolicyDocument))];
}

interface SourceInput {
  readonly PolicySourceArn?: string | undefined;
}

/** The identity whose policies are asked for. */
function sourceResource({ PolicySourceArn: arn = '' }: SourceInput, { account }: ReadContext): string[] {
  return [/^arn:[^:]+:iam::\d{12}:(?:user|group|role)\/./.test(arn) ? arn : iamArn(account, 'user/*')];
}

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html */
const simulatePrincipalPolicy = readOperation<SimulatePrincipalPolicyRequest, SimulatePolicyResponse>({
  service: 'iam',
  name: 'SimulatePrincipalPolicy',
  resources: sourceResource,
  run: (input, context) => {
    const source = policySource(context, input.PolicySourceArn ?? '');
    const excluded = exclusion(input.PolicyExclusionList);
    const own = source.boundary === undefined || excluded(source.boundary) ? undefined : compiled(source.boundary);
    const caller =
      input.CallerArn === undefined
        ? { account: source.account, arns: [source.arn, source.id], isRoot: false }
        : callerIn(input.CallerArn);
    // The policy source is the caller when nobody else is.
    return run(context, { ...input, CallerArn: input.CallerArn ?? source.arn }, caller, {
      identity: [
        ...source.policies.filter(policy => !excluded(policy)).map(compiled),
        ...given(input.PolicyInputList, 'PolicyInputList'),
      ],
      boundary: boundaryIn(input.PermissionsBoundaryPolicyInputList) ?? own,
    });
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetContextKeysForCustomPolicy.html */
const getContextKeysForCustomPolicy = readOperation<
  GetContextKeysForCustomPolicyRequest,
  GetContextKeysForPolicyResponse
>({
  service: 'iam',
  name: 'GetContextKeysForCustomPolicy',
  resources: () => ['*'],
  run: input => ({ ContextKeyNames: contextKeysIn(input.PolicyInputList ?? []) }),
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetContextKeysForPrincipalPolicy.html */
const getContextKeysForPrincipalPolicy = readOperation<
  GetContextKeysForPrincipalPolicyRequest,
  GetContextKeysForPolicyResponse
>({
  service: 'iam',
  name: 'GetContextKeysForPrincipalPolicy',
  resources: sourceResource,
  run: (input, context) => {
    const source = policySource(context, input.PolicySourceArn ?? '');
    const own = source.policies.map(policy => policy.document);
    return { ContextKeyNames: contextKeysIn([...own, ...(input.PolicyInputList ?? [])]) };
  },
});

export const simulationOperations: readonly AnyOperation[] = [
  simulateCustomPolicy,
  simulatePrincipalPolicy,
  getContextKeysForCustomPolicy,
  getContextKeysForPrincipalPolicy,
];
