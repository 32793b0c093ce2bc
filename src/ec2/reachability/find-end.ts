import { isIP } from 'node:net';
import { ApiError } from '../../api/errors.ts';
import { normalIpv6 } from '../../engine/network/ipv6.ts';
import type { Reader } from '../../state/state.ts';
import { type InstanceRow, instances } from '../instances/model.ts';
import { type NetworkInterfaceRow, networkInterfaces } from '../network-interfaces/model.ts';
import { resourceTags, tagPair, tagsOf } from '../tags/model.ts';
import { otherSide, vpcPeeringConnections } from '../vpc-peering/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { interfaceAt } from './state-network.ts';

/** One end of a question as a person asks it. */
export type NamedEnd =
  | { readonly kind: 'internet'; readonly label: string; readonly address?: string }
  | {
      readonly kind: 'interfaces';
      readonly label: string;
      readonly instance?: InstanceRow;
      readonly interfaces: readonly NetworkInterfaceRow[];
      /** When an address was named. */
      readonly address?: string;
    };

/**
 * What a person means by a word: `internet`, the id of an instance or network interface, an instance's Name, an address
 * of somebody here, or another address, which is out on the internet. `near`: the VPC in which private addresses are
 * looked for first.
 * @throws ApiError `NotFound`, `Ambiguous`
 */
export function findEnd(db: Reader, owner: string, word: string, near?: string): NamedEnd {
  if (word === 'internet') return { kind: 'internet', label: 'the internet' };
  if (isIP(word) !== 0) return byAddress(db, owner, word, near);
  if (word.startsWith('eni-')) {
    const row = db.get(networkInterfaces, word);
    if (row?.owner !== owner) throw new ApiError('NotFound', `There is no network interface ${word}.`, 404);
    return ofInterface(db, row);
  }
  const instance = /^i-[0-9a-f]+$/.test(word) ? db.get(instances, word) : byName(db, owner, word);
  if (instance?.owner !== owner) {
    throw new ApiError(
      'NotFound',
      `There is no instance '${word}'. Give an instance's ID or Name, a network interface's ID, an address, or 'internet'.`,
      404,
    );
  }
  const interfaces = instance.networkInterfaceIds.flatMap(id => db.get(networkInterfaces, id) ?? []);
  return { kind: 'interfaces', label: labelOf(db, instance), instance, interfaces };
}

function labelOf(db: Reader, instance: InstanceRow): string {
  const name = tagsOf(db, instance.instanceId).Name;
  return name === undefined ? instance.instanceId : `${name} (${instance.instanceId})`;
}

function byName(db: Reader, owner: string, name: string): InstanceRow | undefined {
  const found = db.by(resourceTags, 'pair', tagPair(owner, 'Name', name)).flatMap(({ resourceId }) => {
    const row = db.get(instances, resourceId);
    return row === undefined || row.state === 'terminated' || row.state === 'shutting-down' ? [] : [row];
  });
  if (found.length > 1) {
    const ids = found.map(row => row.instanceId).join(', ');
    throw new ApiError('Ambiguous', `Several instances are called ${name}: ${ids}. Name one by its ID.`);
  }
  return found[0];
}

function ofInterface(db: Reader, row: NetworkInterfaceRow, address?: string): NamedEnd {
  const instance = row.attachment === undefined ? undefined : db.get(instances, row.attachment.instanceId);
  const whose = instance === undefined ? row.networkInterfaceId : labelOf(db, instance);
  return {
    kind: 'interfaces',
    label: address === undefined ? (instance === undefined ? whose : `${row.networkInterfaceId} of ${whose}`) : whose,
    interfaces: [row],
    ...(instance === undefined ? {} : { instance }),
    ...(address === undefined ? {} : { address }),
  };
}

function byAddress(db: Reader, owner: string, word: string, near: string | undefined): NamedEnd {
  const address = word.includes(':') ? normalIpv6(word) : word;
  const published = db.firstBy(networkInterfaces, 'publicIp', address);
  if (published?.owner === owner) return ofInterface(db, published, address);
  for (const vpcId of near === undefined ? [] : [near, ...peersOf(db, near)]) {
    const row = interfaceAt(db, vpcId, address);
    if (row !== undefined) return ofInterface(db, row, address);
  }
  const found = db.by(vpcs, 'owner', owner).flatMap(({ vpcId }) => interfaceAt(db, vpcId, address) ?? []);
  if (found.length > 1) {
    const ids = found.map(row => row.networkInterfaceId).join(', ');
    throw new ApiError('Ambiguous', `Several network interfaces have ${address}: ${ids}. Name one by its ID.`);
  }
  if (found[0] !== undefined) return ofInterface(db, found[0], address);
  return { kind: 'internet', label: address, address };
}

function peersOf(db: Reader, vpcId: string): string[] {
  return db.by(vpcPeeringConnections, 'activeVpc', vpcId).flatMap(row => otherSide(row, vpcId)?.vpcId ?? []);
}
