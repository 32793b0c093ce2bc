import { expect, it } from 'vitest';
import { decide } from './decide.ts';
import { type Random, randomOf } from './random.ts';
import { account, contextOf, policy } from './testing.ts';
import type { AccessRequest, Decision, PolicySet } from './types.ts';

/*
 * What must be true of whatever policies: each property is asked of hundreds of random sets of policies, drawn from
 * few actions, resources and keys, so that statements often meet.
 */
const rounds = 300;

const actions = ['ec2:RunInstances', 'ec2:StopInstances', 'ec2:DescribeInstances', 'iam:PassRole'];
const actionElements = [...actions, '*', 'ec2:*', 'ec2:*Instances', 'iam:Pass????', 'EC2:describe*'];
const resources = [`arn:aws:ec2:us-east-1:${account}:instance/i-1`, `arn:aws:iam::${account}:role/app`, '*'];
const resourceElements = [
  '*',
  'arn:aws:ec2:*:*:instance/*',
  `arn:aws:iam::${account}:role/*`,
  `arn:aws:iam::${account}:role/$\{aws:username}`,
  'arn:aws:ec2:us-*-1:*:instance/i-?',
];
const names = ['aws:username', 'ec2:InstanceType', 'aws:TagKeys'];
const values = ['app', 't3.micro', 'x', '1', 'true'];
const operators = [
  'StringEquals',
  'StringNotEquals',
  'StringLike',
  'StringNotLikeIfExists',
  'ForAllValues:StringEquals',
  'ForAnyValue:StringNotEquals',
  'ForAnyValue:StringLike',
  'NumericLessThanEquals',
  'Bool',
  'Null',
];
const principals = [
  '*',
  { AWS: account },
  { AWS: `arn:aws:iam::${account}:user/ana` },
  { AWS: '444455556666' },
  { AWS: [`arn:aws:iam::${account}:user/bo`, '444455556666'] },
];

function statementOf(random: Random, effect: string): object {
  const some = (items: readonly string[]) => Array.from({ length: 1 + random.below(2) }, () => random.pick(items));
  const conditions = Array.from({ length: random.below(3) }, () => [
    random.pick(operators),
    { [random.pick(names)]: some([...values, '*', 'a*']) },
  ]);
  return {
    Effect: effect,
    [random.below(5) === 0 ? 'NotAction' : 'Action']: some(actionElements),
    [random.below(5) === 0 ? 'NotResource' : 'Resource']: some(resourceElements),
    ...(conditions.length === 0 ? {} : { Condition: Object.fromEntries(conditions) }),
  };
}

function statementsOf(random: Random): object[] {
  return Array.from({ length: 1 + random.below(5) }, () =>
    statementOf(random, random.pick(['Allow', 'Allow', 'Deny'])),
  );
}

/** A set of policies as statements, so that they can be changed and compiled again. */
interface Draft {
  readonly owner: string;
  readonly identity: readonly (readonly object[])[];
  readonly boundary?: readonly object[];
  readonly session?: readonly (readonly object[])[];
  readonly resource?: readonly object[];
}

function draftOf(random: Random): Draft {
  const named = (statement: object) => ({ ...statement, Principal: random.pick(principals) });
  return {
    owner: random.pick([account, account, '444455556666']),
    identity: Array.from({ length: random.below(3) }, () => statementsOf(random)),
    ...(random.below(3) === 0 ? { boundary: statementsOf(random) } : {}),
    ...(random.below(4) === 0 ? { session: Array.from({ length: random.below(3) }, () => statementsOf(random)) } : {}),
    ...(random.below(3) === 0 ? { resource: statementsOf(random).map(named) } : {}),
  };
}

function setOf(draft: Draft): PolicySet {
  return {
    principal: { account, arns: [`arn:aws:iam::${account}:user/ana`], isRoot: false },
    identity: draft.identity.map((statements, at) => policy(statements, { id: `identity ${at}` })),
    ...(draft.boundary === undefined ? {} : { boundary: policy(draft.boundary, { type: 'boundary' }) }),
    ...(draft.session === undefined ? {} : { session: draft.session.map(each => policy(each, { type: 'session' })) }),
    ...(draft.resource === undefined
      ? {}
      : {
          resource: {
            policy: policy(draft.resource, { type: 'resource', kind: 'resource' }),
            account: draft.owner,
          },
        }),
  };
}

function requestOf(random: Random): AccessRequest {
  const keys: Record<string, string[]> = {};
  for (const name of names)
    if (random.below(3) > 0)
      keys[name] = name === 'aws:TagKeys' ? random.shuffle(values).slice(0, random.below(3)) : [random.pick(values)];
  return { action: random.pick(actions), resource: random.pick(resources), keys: contextOf(keys) };
}

/** Asks every round; returns how often each effect was decided, so that a property about nothing is noticed. */
function forAll(seed: number, property: (random: Random, draft: Draft, request: AccessRequest, was: Decision) => void) {
  const random = randomOf(seed);
  const counts = { allowed: 0, explicitDeny: 0, implicitDeny: 0 };
  for (let round = 0; round < rounds; round++) {
    const draft = draftOf(random);
    const request = requestOf(random);
    const was = decide(setOf(draft), request);
    counts[was.effect]++;
    property(random, draft, request, was);
  }
  for (const effect of ['allowed', 'explicitDeny', 'implicitDeny'] as const)
    expect(counts[effect], effect).toBeGreaterThan(rounds / 20);
}

const everywhere = (draft: Draft, add: (statements: readonly object[]) => readonly object[]): Draft[] => [
  { ...draft, identity: [...draft.identity, add([])] },
  ...draft.identity.map((each, at) => ({ ...draft, identity: draft.identity.with(at, add(each)) })),
  ...(draft.boundary === undefined ? [] : [{ ...draft, boundary: add(draft.boundary) }]),
  ...(draft.session ?? []).map((each, at) => ({ ...draft, session: draft.session?.with(at, add(each)) ?? [] })),
  ...(draft.resource === undefined ? [] : [{ ...draft, resource: add(draft.resource) }]),
];

/** The added statement needs a Principal where the others have one. */
const fitting = (statement: object, statements: readonly object[], principal: unknown) =>
  statements.some(each => 'Principal' in each) ? { ...statement, Principal: principal } : statement;

it('adding a Deny never allows, wherever it is added', () => {
  forAll(11, (random, draft, request, was) => {
    const added = statementOf(random, 'Deny');
    const principal = random.pick(principals);
    for (const changed of everywhere(draft, each => [...each, fitting(added, each, principal)])) {
      const now = decide(setOf(changed), request);
      if (was.effect !== 'allowed') expect(now.effect).not.toBe('allowed');
      if (was.effect === 'explicitDeny') expect(now.effect).toBe('explicitDeny');
      if (now.effect !== was.effect) expect(now.effect).toBe('explicitDeny');
    }
  });
});

it('adding an Allow takes nothing away, except that it may make no difference', () => {
  forAll(12, (random, draft, request, was) => {
    const added = statementOf(random, 'Allow');
    const principal = random.pick(principals);
    for (const changed of everywhere(draft, each => [...each, fitting(added, each, principal)])) {
      const now = decide(setOf(changed), request);
      if (was.effect === 'allowed') expect(now.effect).toBe('allowed');
      expect(now.effect === 'explicitDeny').toBe(was.effect === 'explicitDeny');
    }
  });
});

it('without an Allow nothing is allowed', () => {
  forAll(13, (_random, draft, request) => {
    const denies = (statements: readonly object[]) =>
      statements.filter(each => 'Effect' in each && each.Effect === 'Deny');
    const { boundary, session, resource } = draft;
    const changed: Draft = {
      owner: draft.owner,
      identity: draft.identity.map(denies).filter(each => each.length > 0),
      ...(boundary && denies(boundary).length > 0 ? { boundary: denies(boundary) } : {}),
      ...(session ? { session: session.map(denies).filter(each => each.length > 0) } : {}),
      ...(resource && denies(resource).length > 0 ? { resource: denies(resource) } : {}),
    };
    expect(decide(setOf(changed), request).effect).not.toBe('allowed');
    expect(decide(setOf({ owner: draft.owner, identity: [] }), request).effect).toBe('implicitDeny');
  });
});

it('a boundary or session policies never allow more', () => {
  forAll(14, (random, draft, request, was) => {
    const { boundary: _boundary, session: _session, ...open } = draft;
    const without = decide(setOf(open), request);
    if (was.effect === 'allowed') expect(without.effect).toBe('allowed');
    const held = decide(setOf({ ...open, boundary: statementsOf(random) }), request);
    if (held.effect === 'allowed') expect(without.effect).toBe('allowed');
  });
});

it('the order of policies and statements does not matter', () => {
  forAll(15, (random, draft, request, was) => {
    const mixed: Draft = {
      ...draft,
      identity: random.shuffle(draft.identity).map(each => random.shuffle(each)),
      ...(draft.boundary ? { boundary: random.shuffle(draft.boundary) } : {}),
      ...(draft.session ? { session: random.shuffle(draft.session).map(each => random.shuffle(each)) } : {}),
      ...(draft.resource ? { resource: random.shuffle(draft.resource) } : {}),
    };
    const now = decide(setOf(mixed), request);
    expect([now.effect, now.missing, now.missingContextKeys, now.matched.length]).toEqual([
      was.effect,
      was.missing,
      was.missingContextKeys,
      was.matched.length,
    ]);
  });
});

it('statements may stand in one policy or in several', () => {
  forAll(16, (_random, draft, request, was) => {
    const apart = { ...draft, identity: draft.identity.flat().map(statement => [statement]) };
    expect(decide(setOf(apart), request).effect).toBe(was.effect);
    const together = { ...draft, identity: draft.identity.length === 0 ? [] : [draft.identity.flat()] };
    expect(decide(setOf(together), request).effect).toBe(was.effect);
  });
});

it('compiling again, and asking again, decides the same', () => {
  const set = setOf(draftOf(randomOf(1)));
  forAll(17, (_random, draft, request, was) => {
    expect(decide(setOf(draft), request)).toEqual(was);
    // Policies remember which statements an action concerns; what was asked before must not show.
    const first = decide(set, request);
    expect(decide(set, request)).toEqual(first);
  });
});
