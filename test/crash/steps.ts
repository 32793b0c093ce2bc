import type { Parameters } from '../../src/cli/client.ts';
import type { XmlElement } from '../../src/cli/xml.ts';
import type { Random } from '../support/random.ts';
import type { Book, GroupEntry, InstanceEntry } from './book.ts';
import { imageSteps } from './image-steps.ts';
import { snapshotSteps } from './snapshot-steps.ts';
import { freeVolumes, volumeSteps } from './volume-steps.ts';

/** A call and what the worker's book says once it has happened. */
export interface Step {
  readonly action: string;
  readonly parameters: Parameters;
  /** The book afterwards; reads new ids from the answer. Without it the call changes nothing. */
  readonly apply?: (book: Book, answer: XmlElement) => Book;
  /** The same where ids can only be learnt from what is found after a restart. */
  readonly settle?: (book: Book, found: Book) => Book;
  /** EC2's answers that are right in some states of the resource; nothing happened then. */
  readonly refusals?: readonly string[];
  /** Repeating the call is safe and must give the same instances. */
  readonly token?: string;
}

export interface StepContext {
  readonly worker: string;
  readonly imageId: string;
  readonly random: Random;
  /** Different for every call of a test. */
  readonly serial: () => number;
}

/** How often it is chosen, and what it is; undefined when it cannot be just now. */
export type Choice = [weight: number, make: () => Step | undefined];

const maximumInstances = 8;
const types = ['t3.micro', 't3.small', 'm5.large'];

/** The next call of a worker, chosen by chance among those that its resources allow. */
export function nextStep(book: Book, context: StepContext): Step {
  const live = Object.entries(book.instances).filter(([, one]) => one.state !== 'terminated');
  const groups = Object.entries(book.groups);
  const keys = Object.keys(book.keys);
  const choices: Choice[] = [
    [live.length < maximumInstances ? 6 : 0, () => runInstances(book, context)],
    [groups.length < 5 ? 3 : 0, () => createGroup(context)],
    [keys.length < 5 ? 2 : 0, () => createKey(context)],
    [keys.length > 2 ? 2 : 0, () => deleteKey(context.random.pick(keys))],
    [groups.length > 2 ? 1 : 0, () => deleteGroup(context.random.pick(groups)?.[0])],
    [groups.length ? 3 : 0, () => authorize(context, context.random.pick(groups))],
    [groups.length ? 2 : 0, () => revoke(context.random.pick(groups))],
    [live.length ? 3 : 0, () => tag(context, live, groups)],
    [live.length ? 2 : 0, () => untag(context.random.pick(live))],
    [live.length ? 3 : 0, () => power('StopInstances', 'running', 'stopped', context, live)],
    [live.length ? 3 : 0, () => power('StartInstances', 'stopped', 'running', context, live)],
    [live.length ? 1 : 0, () => reboot(context.random.pick(live.filter(([, one]) => one.state === 'running'))?.[0])],
    [live.length > 4 ? 5 : 1, () => terminate(context, live)],
    [live.length ? 1 : 0, () => protect(context.random.pick(live.filter(([, one]) => !one.protected)))],
    [live.length ? 2 : 0, () => protect(context.random.pick(live.filter(([, one]) => one.protected)))],
    [
      live.length ? 2 : 0,
      () =>
        retype(
          context,
          live.filter(([, one]) => one.state === 'stopped'),
        ),
    ],
    ...volumeSteps(book, context),
    ...snapshotSteps(book, context),
    ...imageSteps(book, context),
    [2, () => describe(context, Object.keys(book.instances))],
  ];
  for (;;) {
    let at = context.random.next() * choices.reduce((sum, [weight]) => sum + weight, 0);
    const chosen = choices.find(([weight]) => {
      at -= weight;
      return at < 0;
    });
    const step = chosen?.[1]();
    if (step !== undefined) return step;
  }
}

type Live = [id: string, entry: InstanceEntry];

function runInstances(book: Book, { worker, imageId, random, serial }: StepContext): Step {
  const token = `${worker}-${serial()}`;
  const count = 1 + random.below(3);
  const type = random.pick(types) ?? 't3.micro';
  const groups = Object.keys(book.groups).slice(0, 2);
  const key = random.pick(Object.keys(book.keys));
  const tags = { worker, call: token };
  const list = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  const kinds = ['instance', 'volume', 'network-interface'];
  const entry: InstanceEntry = { state: 'running', token, tags, protected: false, type };
  return {
    action: 'RunInstances',
    token,
    parameters: {
      ImageId: imageId,
      InstanceType: type,
      MinCount: count,
      MaxCount: count,
      ClientToken: token,
      ...(groups.length > 0 && { SecurityGroupId: groups }),
      ...(key !== undefined && { KeyName: key }),
      TagSpecification: kinds.map(ResourceType => ({ ResourceType, Tag: list })),
    },
    apply: (before, answer) => {
      const ids = answer.items('instancesSet').map(item => item.get('instanceId') ?? '');
      if (ids.length !== count) throw new Error(`RunInstances answered ${ids.length} instances, not ${count}`);
      return withInstances(before, ids, () => entry);
    },
  };
}

function createGroup({ worker, serial }: StepContext): Step {
  const name = `${worker}-${serial()}`;
  const tags = { worker };
  const entry: GroupEntry = { name, tags, rules: [] };
  const add = (book: Book, id: string): Book => ({ ...book, groups: { ...book.groups, [id]: entry } });
  return {
    action: 'CreateSecurityGroup',
    parameters: {
      GroupName: name,
      GroupDescription: 'crash test',
      TagSpecification: [{ ResourceType: 'security-group', Tag: [{ Key: 'worker', Value: worker }] }],
    },
    apply: (book, answer) => add(book, answer.get('groupId') ?? ''),
    settle: (book, found) => {
      const id = Object.keys(found.groups).find(one => found.groups[one]?.name === name);
      return id === undefined ? book : add(book, id);
    },
  };
}

function deleteGroup(id: string | undefined): Step | undefined {
  if (id === undefined) return undefined;
  return {
    action: 'DeleteSecurityGroup',
    parameters: { GroupId: id },
    refusals: ['DependencyViolation'],
    apply: book => ({ ...book, groups: without(book.groups, id) }),
  };
}

function authorize({ random }: StepContext, group: [string, GroupEntry] | undefined): Step | undefined {
  if (group === undefined) return undefined;
  const [id, { rules }] = group;
  // A group may have 60.
  if (rules.length > 50) return undefined;
  // Several rules in one call: they come together or not at all.
  const ports = new Set(Array.from({ length: 1 + random.below(4) }, () => 1 + random.below(60_000)));
  const added = [...ports].map(port => `tcp ${port} 10.${port % 256}.0.0/16`);
  if (added.some(rule => rules.includes(rule))) return undefined;
  return {
    action: 'AuthorizeSecurityGroupIngress',
    parameters: { GroupId: id, IpPermissions: added.map(permission) },
    apply: book => withRules(book, id, [...rules, ...added]),
  };
}

function revoke(group: [string, GroupEntry] | undefined): Step | undefined {
  const [id, entry] = group ?? [];
  if (id === undefined || entry === undefined || entry.rules.length === 0) return undefined;
  const removed = entry.rules.slice(0, 3);
  return {
    action: 'RevokeSecurityGroupIngress',
    parameters: { GroupId: id, IpPermissions: removed.map(permission) },
    apply: book => withRules(book, id, entry.rules.slice(3)),
  };
}

function createKey({ worker, serial }: StepContext): Step {
  const name = `${worker}-${serial()}`;
  const add = (book: Book, id: string): Book => ({ ...book, keys: { ...book.keys, [name]: id } });
  return {
    action: 'CreateKeyPair',
    parameters: { KeyName: name, KeyType: 'ed25519' },
    apply: (book, answer) => add(book, answer.get('keyPairId') ?? ''),
    settle: (book, found) => {
      const id = found.keys[name];
      return id === undefined ? book : add(book, id);
    },
  };
}

function deleteKey(name: string | undefined): Step | undefined {
  if (name === undefined) return undefined;
  return {
    action: 'DeleteKeyPair',
    parameters: { KeyName: name },
    apply: book => ({ ...book, keys: without(book.keys, name) }),
  };
}

/** The same tags on several resources in one call. */
function tag({ random, serial }: StepContext, live: Live[], groups: [string, GroupEntry][]): Step {
  const ids = live.slice(0, 1 + random.below(3)).map(([id]) => id);
  const group = random.pick(groups)?.[0];
  const key = `k${random.below(6)}`;
  const added = { [key]: String(serial()), both: String(serial()) };
  return {
    action: 'CreateTags',
    parameters: {
      ResourceId: group === undefined ? ids : [...ids, group],
      Tag: Object.entries(added).map(([Key, Value]) => ({ Key, Value })),
    },
    apply: book => {
      const tagged = withInstances(book, ids, entry => ({ ...entry, tags: { ...entry.tags, ...added } }));
      const entry = group === undefined ? undefined : tagged.groups[group];
      if (group === undefined || entry === undefined) return tagged;
      return { ...tagged, groups: { ...tagged.groups, [group]: { ...entry, tags: { ...entry.tags, ...added } } } };
    },
  };
}

function untag(instance: Live | undefined): Step | undefined {
  const [id, entry] = instance ?? [];
  const keys = Object.keys(entry?.tags ?? {}).filter(key => key !== 'worker' && key !== 'call');
  if (id === undefined || keys.length === 0) return undefined;
  return {
    action: 'DeleteTags',
    parameters: { ResourceId: [id], Tag: keys.map(Key => ({ Key })) },
    apply: book => withInstances(book, [id], one => ({ ...one, tags: without(one.tags, ...keys) })),
  };
}

function power(
  action: string,
  from: InstanceEntry['state'],
  to: InstanceEntry['state'],
  { random }: StepContext,
  live: Live[],
): Step | undefined {
  const ids = live.filter(([, one]) => one.state === from).map(([id]) => id);
  const first = random.below(ids.length);
  const chosen = ids.slice(first, first + 1 + random.below(3));
  if (chosen.length === 0) return undefined;
  return {
    action,
    parameters: { InstanceId: chosen },
    // It may still be on its way to where its last call sent it.
    refusals: ['IncorrectInstanceState', 'IncorrectState'],
    apply: book => withInstances(book, chosen, one => ({ ...one, state: to })),
  };
}

function reboot(id: string | undefined): Step | undefined {
  if (id === undefined) return undefined;
  return {
    action: 'RebootInstances',
    parameters: { InstanceId: [id] },
    refusals: ['IncorrectInstanceState', 'IncorrectState'],
  };
}

function terminate({ random }: StepContext, live: Live[]): Step | undefined {
  const first = random.below(live.length);
  const chosen = live.slice(first, first + 1 + random.below(3));
  if (chosen.length === 0) return undefined;
  const ids = chosen.map(([id]) => id);
  const refused = chosen.some(([, one]) => one.protected);
  return {
    action: 'TerminateInstances',
    parameters: { InstanceId: ids },
    refusals: refused ? ['OperationNotPermitted'] : [],
    // All of them or none: one that is protected saves the others, which are in its zone.
    ...(!refused && {
      apply: book =>
        freeVolumes(
          withInstances(book, ids, one => ({ ...one, state: 'terminated' })),
          ids,
        ),
    }),
  };
}

function protect(instance: Live | undefined): Step | undefined {
  const [id, entry] = instance ?? [];
  if (id === undefined || entry === undefined) return undefined;
  const wanted = !entry.protected;
  return {
    action: 'ModifyInstanceAttribute',
    parameters: { InstanceId: id, DisableApiTermination: { Value: wanted } },
    apply: book => withInstances(book, [id], one => ({ ...one, protected: wanted })),
  };
}

function retype({ random }: StepContext, stopped: Live[]): Step | undefined {
  const id = random.pick(stopped)?.[0];
  if (id === undefined) return undefined;
  const type = random.pick(types) ?? 't3.micro';
  return {
    action: 'ModifyInstanceAttribute',
    parameters: { InstanceId: id, InstanceType: { Value: type } },
    refusals: ['IncorrectInstanceState'],
    apply: book => withInstances(book, [id], one => ({ ...one, type })),
  };
}

function describe({ random }: StepContext, ids: string[]): Step {
  const id = random.pick(ids);
  return { action: 'DescribeInstances', parameters: id === undefined ? {} : { InstanceId: [id] } };
}

function permission(rule: string): { [name: string]: string | { CidrIp: string }[] } {
  const [IpProtocol = '', port = '', CidrIp = ''] = rule.split(' ');
  return { IpProtocol, FromPort: port, ToPort: port, IpRanges: [{ CidrIp }] };
}

function withInstances(book: Book, ids: readonly string[], change: (entry: InstanceEntry) => InstanceEntry): Book {
  const instances = { ...book.instances };
  const fresh: InstanceEntry = { state: 'running', token: '', tags: {}, protected: false, type: '' };
  for (const id of ids) instances[id] = change(instances[id] ?? fresh);
  return { ...book, instances };
}

function withRules(book: Book, id: string, rules: readonly string[]): Book {
  const entry = book.groups[id];
  if (entry === undefined) return book;
  return { ...book, groups: { ...book.groups, [id]: { ...entry, rules: [...rules].sort() } } };
}

export function without<T>(record: Readonly<Record<string, T>>, ...keys: string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => !keys.includes(key)));
}
