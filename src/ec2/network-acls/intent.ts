import type { NetworkAclEntryIntent, NetworkAclIntent } from '../../engine/engine.ts';
import { entriesOfAcl, type NetworkAclEntryRow, type NetworkAclRow } from './model.ts';

const protocolsWithPorts: readonly number[] = [6, 17];

/** An ACL as packets meet it. */
export function networkAclIntent(row: NetworkAclRow): NetworkAclIntent {
  const ofDirection = (egress: boolean) =>
    entriesOfAcl(row)
      .filter(one => one.egress === egress)
      .sort((a, b) => a.ruleNumber - b.ruleNumber)
      .map(entryIntent);
  return { networkAclId: row.networkAclId, ingress: ofDirection(false), egress: ofDirection(true) };
}

function entryIntent(one: NetworkAclEntryRow): NetworkAclEntryIntent {
  return {
    ruleNumber: one.ruleNumber,
    allow: one.ruleAction === 'allow',
    cidrBlock: one.cidrBlock ?? one.ipv6CidrBlock ?? '',
    protocol: one.protocol,
    ...(one.portRange === undefined || !protocolsWithPorts.includes(one.protocol)
      ? {}
      : { fromPort: one.portRange.from, toPort: one.portRange.to }),
    ...(one.icmp === undefined ? {} : { icmpType: one.icmp.type, icmpCode: one.icmp.code }),
  };
}

/** Whether everything passes, as in a default ACL that nobody changed: then packets need not be looked at. */
export function passesAll(row: NetworkAclRow, hasIpv6: boolean): boolean {
  return [true, false].every(egress => {
    const first = (isIpv6: boolean) =>
      entriesOfAcl(row)
        .filter(one => one.egress === egress && (one.ipv6CidrBlock !== undefined) === isIpv6)
        .sort((a, b) => a.ruleNumber - b.ruleNumber)[0];
    const open = (one: NetworkAclEntryRow | undefined) =>
      one?.ruleAction === 'allow' &&
      one.protocol === -1 &&
      (one.cidrBlock ?? one.ipv6CidrBlock)?.endsWith('/0') === true;
    return open(first(false)) && (!hasIpv6 || open(first(true)));
  });
}
