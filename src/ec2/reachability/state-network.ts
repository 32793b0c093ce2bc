import type { PortIntent, SecurityGroupIntent, VpcIntent } from '../../engine/engine.ts';
import { addressAt, parsePrefix } from '../../engine/network/ipv4.ts';
import { formatIpv6Prefix, isIpv6Cidr, normalIpv6, parseIpv6Prefix } from '../../engine/network/ipv6.ts';
import type { Reader } from '../../state/state.ts';
import { instances } from '../instances/model.ts';
import { groupIntent, portIntent, vpcIntent } from '../intents.ts';
import { type NetworkInterfaceRow, networkInterfaces } from '../network-interfaces/model.ts';
import { securityGroups } from '../security-groups/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { type Network, publicAddressOf } from './network.ts';
import { holds } from './packet.ts';

/** Whether an interface carries packets: its instance runs, or is on its way to. */
export function isPlugged(db: Reader, row: NetworkInterfaceRow): boolean {
  const instance = row.attachment === undefined ? undefined : db.get(instances, row.attachment.instanceId);
  return instance?.state === 'pending' || instance?.state === 'running' || instance?.state === 'stopping';
}

/** The network that the state describes, compiled as for the fabric, piece by piece as the analysis asks for it. */
export function stateNetwork(db: Reader): Network {
  const vpcIntents = new Map<string, VpcIntent | undefined>();
  const groupIntents = new Map<string, SecurityGroupIntent | undefined>();
  const portIntents = new Map<string, PortIntent | undefined>();
  const port = (row: NetworkInterfaceRow | undefined) =>
    row === undefined
      ? undefined
      : remember(portIntents, row.networkInterfaceId, () =>
          isPlugged(db, row) ? portIntent(db, row.networkInterfaceId, 1) : undefined,
        );
  const network: Network = {
    vpc: vpcId =>
      remember(vpcIntents, vpcId, () => (db.get(vpcs, vpcId) === undefined ? undefined : vpcIntent(db, vpcId))),
    group: (vpcId, groupId) =>
      remember(groupIntents, groupId, () =>
        db.get(securityGroups, groupId)?.vpcId === vpcId ? groupIntent(db, groupId) : undefined,
      ),
    port: id => port(db.get(networkInterfaces, id)),
    portAt: (vpcId, address) => port(interfaceAt(db, vpcId, address)),
    publicOwner(address) {
      if (isIpv6Cidr(address)) {
        const vpcId = vpcOfIpv6(db, address);
        return vpcId === undefined || interfaceAt(db, vpcId, address) === undefined ? undefined : { vpcId, address };
      }
      const row = db.firstBy(networkInterfaces, 'publicIp', address);
      const found = row?.privateIpAddresses.find(one => one.publicIp === address);
      // An address may be an interface's and not lead to it, as one of a range that is not advertised.
      if (row === undefined || found === undefined) return undefined;
      const { vpcId } = row;
      return publicAddressOf(network, vpcId, found.address) === address ? { vpcId, address: found.address } : undefined;
    },
  };
  return network;
}

function remember<Value>(known: Map<string, Value>, key: string, make: () => Value): Value {
  const found = known.get(key);
  if (found !== undefined || known.has(key)) return found as Value;
  const made = make();
  known.set(key, made);
  return made;
}

/** Who has an address in a VPC, by itself or by a prefix that is delegated to it. */
export function interfaceAt(db: Reader, vpcId: string, address: string): NetworkInterfaceRow | undefined {
  if (isIpv6Cidr(address)) {
    const normal = normalIpv6(address);
    const prefix = formatIpv6Prefix(parseIpv6Prefix(`${normal}/80`));
    return (
      db.firstBy(networkInterfaces, 'ipv6Address', `${vpcId} ${normal}`) ??
      db.firstBy(networkInterfaces, 'prefix', `${vpcId} ${prefix}`)
    );
  }
  const prefix = `${addressAt(parsePrefix(`${address}/28`), 0)}/28`;
  return (
    db.firstBy(networkInterfaces, 'privateIp', `${vpcId} ${address}`) ??
    db.firstBy(networkInterfaces, 'prefix', `${vpcId} ${prefix}`)
  );
}

/** The VPC whose IPv6 block holds an address; Amazon's blocks are /56, others are looked through. */
function vpcOfIpv6(db: Reader, address: string): string | undefined {
  const block = formatIpv6Prefix(parseIpv6Prefix(`${address}/56`));
  const found = db.firstBy(vpcs, 'ipv6Block', block);
  if (found !== undefined) return found.vpcId;
  for (const { row } of db.entries(vpcs))
    if (row.ipv6Associations?.some(one => holds(one.ipv6CidrBlock, address))) return row.vpcId;
  return undefined;
}
