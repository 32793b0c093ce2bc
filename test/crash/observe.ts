import { setTimeout as sleep } from 'node:timers/promises';
import type { XmlElement } from '../../src/cli/xml.ts';
import type { QueryClient } from '../support/query-client.ts';
import type { Book, GroupEntry, ImageEntry, InstanceEntry, SnapshotEntry, VolumeEntry } from './book.ts';

/** Everything that a client can read back, once nothing is on its way any more. */
export interface Observation {
  /** Not terminated ones, by id. */
  readonly live: ReadonlyMap<string, XmlElement>;
  readonly terminated: ReadonlyMap<string, XmlElement>;
  readonly volumes: readonly XmlElement[];
  readonly snapshots: readonly XmlElement[];
  readonly images: readonly XmlElement[];
  /** Ids of AMIs that are shared with somebody. */
  readonly sharedImages: ReadonlySet<string>;
  readonly interfaces: readonly XmlElement[];
  readonly groups: readonly XmlElement[];
  readonly rules: readonly XmlElement[];
  readonly keys: readonly XmlElement[];
  readonly tags: readonly XmlElement[];
  readonly subnets: readonly XmlElement[];
  /** `disableApiTermination` of the live instances. */
  readonly protected: ReadonlyMap<string, boolean>;
  /** Milliseconds until no instance was on its way. */
  readonly converged: number;
}

const resting = new Set(['running', 'stopped']);
const longestConvergence = 10_000;

/**
 * Reads everything back. @param ids instances to look up besides the living ones
 * @throws Error when an instance stays between two states
 */
export async function observe(client: QueryClient, ids: readonly string[]): Promise<Observation> {
  const { live, converged } = await convergedInstances(client);
  const terminated = new Map<string, XmlElement>();
  const others = ids.filter(id => !live.has(id));
  for (let at = 0; at < others.length; at += 200) {
    const answer = await client.ok('DescribeInstances', { InstanceId: others.slice(at, at + 200) });
    for (const instance of instancesOf(answer)) terminated.set(text(instance, 'instanceId'), instance);
  }
  await convergedVolumes(client);
  const images = await finishedImages(client);
  const snapshots = await completeSnapshots(client);
  const [volumes, interfaces, groups, rules, keys, tags, subnets] = await Promise.all([
    client.all('DescribeVolumes', 'volumeSet'),
    client.all('DescribeNetworkInterfaces', 'networkInterfaceSet'),
    client.all('DescribeSecurityGroups', 'securityGroupInfo'),
    client.all('DescribeSecurityGroupRules', 'securityGroupRuleSet'),
    client.ok('DescribeKeyPairs').then(answer => answer.items('keySet')),
    client.all('DescribeTags', 'tagSet'),
    client.all('DescribeSubnets', 'subnetSet'),
  ]);
  const flags = await Promise.all(
    [...live.keys()].map(async (id): Promise<[string, boolean]> => {
      const parameters = { InstanceId: id, Attribute: 'disableApiTermination' };
      const answer = await client.ok('DescribeInstanceAttribute', parameters);
      return [id, answer.get('disableApiTermination', 'value') === 'true'];
    }),
  );
  const shared = await Promise.all(
    images.map(async image => {
      const id = text(image, 'imageId');
      const answer = await client.ok('DescribeImageAttribute', { ImageId: id, Attribute: 'launchPermission' });
      return answer.items('launchPermission').length > 0 ? [id] : [];
    }),
  );
  const sharedImages = new Set(shared.flat());
  const all = { images, sharedImages, volumes, snapshots, interfaces, groups, rules, keys, tags, subnets };
  return { live, terminated, ...all, protected: new Map(flags), converged };
}

async function convergedInstances(client: QueryClient): Promise<{ live: Map<string, XmlElement>; converged: number }> {
  const states = ['pending', 'running', 'stopping', 'stopped', 'shutting-down'];
  const began = performance.now();
  for (;;) {
    const filter = [{ Name: 'instance-state-name', Value: states }];
    const reservations = await client.all('DescribeInstances', 'reservationSet', { Filter: filter });
    const live = new Map<string, XmlElement>();
    for (const one of reservations.flatMap(reservation => reservation.items('instancesSet')))
      live.set(text(one, 'instanceId'), one);
    const moving = [...live.values()].filter(one => !resting.has(text(one, 'instanceState', 'name')));
    const converged = performance.now() - began;
    if (moving.length === 0) return { live, converged };
    if (converged > longestConvergence) {
      const list = moving.map(one => `${text(one, 'instanceId')} ${text(one, 'instanceState', 'name')}`);
      throw new Error(`${list.join(', ')} for more than ${longestConvergence / 1000} s after the restart`);
    }
    await sleep(5);
  }
}

/** @throws Error when a volume stays between two states */
async function convergedVolumes(client: QueryClient): Promise<void> {
  const between = [
    { Name: 'status', Value: ['creating', 'deleting'] },
    { Name: 'attachment.status', Value: ['attaching', 'detaching', 'busy'] },
  ];
  const began = performance.now();
  for (;;) {
    const moving: string[] = [];
    for (const filter of between) {
      const found = await client.all('DescribeVolumes', 'volumeSet', { Filter: [filter] });
      moving.push(...found.map(one => text(one, 'volumeId')));
    }
    const filter = [{ Name: 'modification-state', Value: ['modifying'] }];
    const growing = await client.all('DescribeVolumesModifications', 'volumeModificationSet', { Filter: filter });
    moving.push(...growing.map(one => text(one, 'volumeId')));
    if (moving.length === 0) return;
    if (performance.now() - began > longestConvergence)
      throw new Error(`${moving.join(', ')} on their way for more than ${longestConvergence / 1000} s`);
    await sleep(5);
  }
}

/** The account's AMIs. @throws Error when one stays pending */
async function finishedImages(client: QueryClient): Promise<XmlElement[]> {
  const began = performance.now();
  for (;;) {
    const all = (await client.ok('DescribeImages', { Owner: ['self'] })).items('imagesSet');
    const pending = all.filter(one => text(one, 'imageState') === 'pending');
    if (pending.length === 0) return all;
    if (performance.now() - began > longestConvergence) {
      const ids = pending.map(one => text(one, 'imageId')).join(', ');
      throw new Error(`${ids} pending for more than ${longestConvergence / 1000} s`);
    }
    await sleep(5);
  }
}

/** @throws Error when a snapshot stays pending */
async function completeSnapshots(client: QueryClient): Promise<XmlElement[]> {
  const began = performance.now();
  for (;;) {
    const all = await client.all('DescribeSnapshots', 'snapshotSet', { Owner: ['self'] });
    const pending = all.filter(one => text(one, 'status') === 'pending');
    if (pending.length === 0) return all;
    if (performance.now() - began > longestConvergence) {
      const ids = pending.map(one => text(one, 'snapshotId')).join(', ');
      throw new Error(`${ids} pending for more than ${longestConvergence / 1000} s`);
    }
    await sleep(5);
  }
}

/** The instances of an answer of DescribeInstances. */
export function instancesOf(answer: XmlElement): XmlElement[] {
  return answer.items('reservationSet').flatMap(reservation => reservation.items('instancesSet'));
}

/** The text at a path. @throws Error when the answer has none */
export function text(element: XmlElement, ...path: string[]): string {
  const found = element.get(...path);
  if (found === undefined) throw new Error(`the answer has no ${path.join('.')} in ${element.name}`);
  return found;
}

export function tagsOf(element: XmlElement): Record<string, string> {
  return Object.fromEntries(element.items('tagSet').map(tag => [text(tag, 'key'), tag.get('value') ?? '']));
}

/** The part of an observation that belongs to a worker, as its book would have it. */
export function bookOf(worker: string, seen: Observation): Book {
  const instances: Record<string, InstanceEntry> = {};
  for (const [id, one] of [...seen.live, ...seen.terminated]) {
    const tags = tagsOf(one);
    if (tags.worker !== worker) continue;
    const state = text(one, 'instanceState', 'name') as InstanceEntry['state'];
    const token = one.get('clientToken') ?? '';
    instances[id] = { state, token, tags, protected: seen.protected.get(id) ?? false, type: text(one, 'instanceType') };
  }
  const groups: Record<string, GroupEntry> = {};
  for (const group of seen.groups) {
    const name = text(group, 'groupName');
    if (!name.startsWith(`${worker}-`)) continue;
    groups[text(group, 'groupId')] = { name, tags: tagsOf(group), rules: ingress(group).sort() };
  }
  const keys: Record<string, string> = {};
  for (const key of seen.keys) {
    const name = text(key, 'keyName');
    if (name.startsWith(`${worker}-`)) keys[name] = text(key, 'keyPairId');
  }
  const volumes: Record<string, VolumeEntry> = {};
  for (const one of seen.volumes) {
    const { data } = tagsOf(one);
    if (data?.startsWith(`${worker}-`) !== true) continue;
    const instanceId = one.items('attachmentSet')[0]?.get('instanceId') ?? '';
    volumes[text(one, 'volumeId')] = { name: data, size: Number(text(one, 'size')), instanceId };
  }
  const snapshots: Record<string, SnapshotEntry> = {};
  for (const one of seen.snapshots) {
    const { data } = tagsOf(one);
    if (data?.startsWith(`${worker}-`) !== true) continue;
    snapshots[text(one, 'snapshotId')] = { name: data, volumeId: text(one, 'volumeId') };
  }
  const images: Record<string, ImageEntry> = {};
  for (const one of seen.images) {
    const [id, name] = [text(one, 'imageId'), text(one, 'name')];
    if (name.startsWith(`${worker}-`)) images[id] = { name, shared: seen.sharedImages.has(id) };
  }
  return { instances, groups, keys, volumes, snapshots, images };
}

function ingress(group: XmlElement): string[] {
  return group
    .items('ipPermissions')
    .flatMap(permission =>
      permission
        .items('ipRanges')
        .map(range => `${text(permission, 'ipProtocol')} ${text(permission, 'fromPort')} ${text(range, 'cidrIp')}`),
    );
}
