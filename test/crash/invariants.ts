import type { XmlElement } from '../../src/cli/xml.ts';
import type { QueryClient } from '../support/query-client.ts';
import { instancesOf, type Observation, tagsOf, text } from './observe.ts';

/** What must hold of everything together, whatever was asked for. Returns what does not, one line each. */
export function brokenInvariants(seen: Observation): string[] {
  const broken: string[] = [];
  const must = (holds: boolean, what: string): void => {
    if (!holds) broken.push(what);
  };
  const volumes = byId(seen.volumes, 'volumeId');
  const interfaces = byId(seen.interfaces, 'networkInterfaceId');
  const groups = byId(seen.groups, 'groupId');
  instancesHaveTheirParts(seen, volumes, interfaces, groups, must);
  partsHaveTheirInstance(seen, must);
  addressesAreUnique(seen, must);
  rulesAgree(seen, groups, must);
  for (const one of seen.snapshots) {
    const [id, status] = [text(one, 'snapshotId'), text(one, 'status')];
    must(status === 'completed', `${id} is ${status}: ${one.get('statusMessage')}`);
  }
  imagesHaveTheirSnapshots(seen, must);
  tagsAgree(seen, must);
  return broken;
}

type Must = (holds: boolean, what: string) => void;
type ById = ReadonlyMap<string, XmlElement>;

function imagesHaveTheirSnapshots(seen: Observation, must: Must): void {
  const snapshots = byId(seen.snapshots, 'snapshotId');
  for (const one of seen.images) {
    const [id, state] = [text(one, 'imageId'), text(one, 'imageState')];
    must(state === 'available', `${id} is ${state}: ${one.get('stateReason', 'message')}`);
    for (const device of one.items('blockDeviceMapping')) {
      const snapshot = device.get('ebs', 'snapshotId') ?? '';
      must(snapshots.has(snapshot), `${id} stands on ${snapshot || 'nothing'}, which does not exist`);
    }
  }
}

function instancesHaveTheirParts(seen: Observation, volumes: ById, interfaces: ById, groups: ById, must: Must): void {
  for (const [id, one] of seen.live) {
    const disks = one.items('blockDeviceMapping');
    must(disks.length > 0, `${id} has no disk`);
    for (const disk of disks) {
      const volume = volumes.get(text(disk, 'ebs', 'volumeId'));
      const attachment = volume?.items('attachmentSet')[0];
      must(volume?.items('attachmentSet').length === 1, `a volume of ${id} has not one attachment`);
      must(volume?.get('status') === 'in-use', `the volume of ${id} is ${volume?.get('status') ?? 'missing'}`);
      must(attachment?.get('instanceId') === id, `the volume of ${id} is attached to ${attachment?.get('instanceId')}`);
      must(attachment?.get('status') === 'attached', `the volume of ${id} is ${attachment?.get('status')}`);
    }
    const cards = one.items('networkInterfaceSet');
    must(cards.length === 1, `${id} has ${cards.length} network interfaces`);
    for (const card of cards) {
      const row = interfaces.get(text(card, 'networkInterfaceId'));
      must(row?.get('attachment', 'instanceId') === id, `an interface of ${id} is not attached to it`);
      const address = row?.get('privateIpAddress');
      must(address === one.get('privateIpAddress'), `${id} and its interface have different addresses`);
      const publicIp = row?.get('association', 'publicIp');
      must(publicIp === (one.get('ipAddress') || undefined), `${id} and its interface have different public addresses`);
      const running = text(one, 'instanceState', 'name') === 'running';
      must(running === (publicIp !== undefined), `${id} is ${running ? 'running without' : 'stopped with'} an address`);
    }
    for (const group of one.items('groupSet')) {
      must(groups.has(text(group, 'groupId')), `${id} is in ${text(group, 'groupId')}, which does not exist`);
    }
  }
  for (const [id, one] of seen.terminated) {
    must(text(one, 'instanceState', 'name') === 'terminated', `${id} is neither listed nor terminated`);
    must(one.items('networkInterfaceSet').length === 0, `${id} is terminated and has an interface`);
    must(one.items('blockDeviceMapping').length === 0, `${id} is terminated and has a disk`);
  }
}

function partsHaveTheirInstance(seen: Observation, must: Must): void {
  const disks = new Set<string>();
  const cards = new Set<string>();
  for (const one of seen.live.values()) {
    for (const disk of one.items('blockDeviceMapping')) disks.add(text(disk, 'ebs', 'volumeId'));
    for (const card of one.items('networkInterfaceSet')) cards.add(text(card, 'networkInterfaceId'));
  }
  for (const volume of seen.volumes) {
    const id = text(volume, 'volumeId');
    const isFree = volume.get('status') === 'available' && volume.items('attachmentSet').length === 0;
    // Those of launches have an instance, and go with it.
    const mayBeFree = tagsOf(volume).data !== undefined;
    must(disks.has(id) !== isFree, `${id} is ${volume.get('status')}, and instances say something else`);
    must(mayBeFree || !isFree, `${id} belongs to no instance`);
  }
  for (const card of seen.interfaces) {
    must(cards.has(text(card, 'networkInterfaceId')), `${text(card, 'networkInterfaceId')} belongs to no instance`);
  }
}

function addressesAreUnique(seen: Observation, must: Must): void {
  const used = new Set<string>();
  const inSubnet = new Map<string, number>();
  for (const card of seen.interfaces) {
    const subnet = text(card, 'subnetId');
    inSubnet.set(subnet, (inSubnet.get(subnet) ?? 0) + 1);
    const addresses = [`${subnet} ${text(card, 'privateIpAddress')}`, text(card, 'macAddress')];
    const publicIp = card.get('association', 'publicIp');
    if (publicIp !== undefined) addresses.push(publicIp);
    for (const address of addresses) {
      must(!used.has(address), `${address} is used twice`);
      used.add(address);
    }
  }
  for (const subnet of seen.subnets) {
    const id = text(subnet, 'subnetId');
    const free = 2 ** (32 - Number(text(subnet, 'cidrBlock').split('/')[1])) - 5 - (inSubnet.get(id) ?? 0);
    const shown = Number(text(subnet, 'availableIpAddressCount'));
    must(shown === free, `${id} shows ${shown} free addresses, and has ${free}`);
  }
}

function rulesAgree(seen: Observation, groups: ById, must: Must): void {
  const counts = new Map<string, number>();
  for (const rule of seen.rules) {
    const id = text(rule, 'groupId');
    must(groups.has(id), `${text(rule, 'securityGroupRuleId')} is a rule of ${id}, which does not exist`);
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  for (const [id, group] of groups) {
    let shown = 0;
    for (const list of ['ipPermissions', 'ipPermissionsEgress']) {
      for (const permission of group.items(list)) {
        for (const peers of ['ipRanges', 'ipv6Ranges', 'groups', 'prefixListIds'])
          shown += permission.items(peers).length;
      }
    }
    must(shown === (counts.get(id) ?? 0), `${id} shows ${shown} rules, and has ${counts.get(id) ?? 0}`);
    must(group.items('ipPermissionsEgress').length > 0, `${id} was made without its rule for outgoing traffic`);
  }
}

/** Each resource's own tags are those of DescribeTags, and no tag is left of what is gone. */
function tagsAgree(seen: Observation, must: Must): void {
  const listed = new Map<string, Record<string, string>>();
  for (const tag of seen.tags) {
    const id = text(tag, 'resourceId');
    const tags = listed.get(id) ?? {};
    tags[text(tag, 'key')] = tag.get('value') ?? '';
    listed.set(id, tags);
  }
  const compare = (id: string, element: XmlElement): void => {
    const [own, other] = [tagsOf(element), listed.get(id) ?? {}].map(tags =>
      JSON.stringify(Object.entries(tags).sort()),
    );
    must(own === other, `${id} has the tags ${own}, DescribeTags shows ${other}`);
    listed.delete(id);
  };
  for (const [id, one] of [...seen.live, ...seen.terminated]) compare(id, one);
  for (const volume of seen.volumes) compare(text(volume, 'volumeId'), volume);
  for (const snapshot of seen.snapshots) compare(text(snapshot, 'snapshotId'), snapshot);
  for (const card of seen.interfaces) compare(text(card, 'networkInterfaceId'), card);
  for (const group of seen.groups) compare(text(group, 'groupId'), group);
  for (const id of listed.keys()) {
    // Terminated instances of earlier rounds keep their tags for an hour; they are all compared at the end.
    must(id.startsWith('i-'), `${id} is gone, its tags are not`);
  }
}

/** Asks for the same things by the members that have an index; each must be found by each way. */
export async function brokenIndexes(client: QueryClient, seen: Observation, sample: number): Promise<string[]> {
  const broken: string[] = [];
  const live = [...seen.live].slice(-sample);
  const find = async (what: string, wanted: string, ask: () => Promise<(string | undefined)[]>): Promise<void> => {
    const found = await ask();
    if (!found.includes(wanted))
      broken.push(`${wanted} is not found by ${what}, which finds ${found.join(', ') || 'nothing'}`);
  };
  for (const [id, one] of live) {
    const by = (Name: string, Value: string) => async () => {
      const answer = await client.ok('DescribeInstances', { Filter: [{ Name, Value: [Value] }] });
      return instancesOf(answer).map(found => found.get('instanceId'));
    };
    await find('its id', id, by('instance-id', id));
    await find('its client token', id, by('client-token', one.get('clientToken') ?? ''));
    await find('its private address', id, by('private-ip-address', text(one, 'privateIpAddress')));
    await find('its VPC', id, by('vpc-id', text(one, 'vpcId')));
    await find('its tag', id, by('tag:call', tagsOf(one).call ?? ''));
    const card = text(one.items('networkInterfaceSet')[0] ?? one, 'networkInterfaceId');
    await find('its instance', card, async () => {
      const filter = [{ Name: 'attachment.instance-id', Value: [id] }];
      const answer = await client.ok('DescribeNetworkInterfaces', { Filter: filter });
      return answer.items('networkInterfaceSet').map(found => found.get('networkInterfaceId'));
    });
    const disk = text(one.items('blockDeviceMapping')[0] ?? one, 'ebs', 'volumeId');
    await find('its instance', disk, async () => {
      const filter = [{ Name: 'attachment.instance-id', Value: [id] }];
      const answer = await client.ok('DescribeVolumes', { Filter: filter });
      return answer.items('volumeSet').map(found => found.get('volumeId'));
    });
  }
  return broken;
}

function byId(elements: readonly XmlElement[], member: string): Map<string, XmlElement> {
  return new Map(elements.map(element => [text(element, member), element]));
}
