import type { NetworkAcl, NetworkAclEntry } from '@aws-sdk/client-ec2';
import type { FilterTable } from '../../api/filters.ts';
import { accountOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { tagList } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { entriesOfAcl, type NetworkAclEntryRow, type NetworkAclRow } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkAcl.html */
export function renderNetworkAcl(db: Reader, row: NetworkAclRow): NetworkAcl {
  return {
    NetworkAclId: row.networkAclId,
    OwnerId: accountOf(row.owner),
    VpcId: row.vpcId,
    IsDefault: row.isDefault,
    Associations: row.associations.map(one => ({
      NetworkAclAssociationId: one.associationId,
      NetworkAclId: row.networkAclId,
      SubnetId: one.subnetId,
    })),
    Entries: renderEntries(db, row),
    Tags: tagList(db, row.networkAclId) ?? [],
  };
}

/** The rules in order of their numbers, outbound ones first; at the end what denies everything else. */
function renderEntries(db: Reader, row: NetworkAclRow): NetworkAclEntry[] {
  const hasIpv6 = (db.get(vpcs, row.vpcId)?.ipv6Associations ?? []).length > 0;
  return [true, false].flatMap(Egress => [
    ...entriesOfAcl(row)
      .filter(one => one.egress === Egress)
      .sort((a, b) => a.ruleNumber - b.ruleNumber)
      .map(renderEntry),
    { CidrBlock: '0.0.0.0/0', Egress, Protocol: '-1', RuleAction: 'deny' as const, RuleNumber: 32767 },
    ...(hasIpv6
      ? [{ Ipv6CidrBlock: '::/0', Egress, Protocol: '-1', RuleAction: 'deny' as const, RuleNumber: 32768 }]
      : []),
  ]);
}

function renderEntry(one: NetworkAclEntryRow): NetworkAclEntry {
  return {
    ...(one.cidrBlock === undefined ? {} : { CidrBlock: one.cidrBlock }),
    ...(one.ipv6CidrBlock === undefined ? {} : { Ipv6CidrBlock: one.ipv6CidrBlock }),
    Egress: one.egress,
    ...(one.icmp === undefined ? {} : { IcmpTypeCode: { Type: one.icmp.type, Code: one.icmp.code } }),
    ...(one.portRange === undefined ? {} : { PortRange: { From: one.portRange.from, To: one.portRange.to } }),
    Protocol: String(one.protocol),
    RuleAction: one.ruleAction,
    RuleNumber: one.ruleNumber,
  };
}

export function aclFilters(db: Reader): FilterTable<NetworkAclRow> {
  const ofEntries = (read: (entry: NetworkAclEntry) => string | number | boolean | undefined) => (row: NetworkAclRow) =>
    renderEntries(db, row).map(entry => {
      const value = read(entry);
      return value === undefined ? undefined : String(value);
    });
  return {
    'association.association-id': row => row.associations.map(one => one.associationId),
    'association.network-acl-id': row => row.associations.map(() => row.networkAclId),
    'association.subnet-id': row => row.associations.map(one => one.subnetId),
    default: row => row.isDefault,
    'entry.cidr': ofEntries(entry => entry.CidrBlock),
    'entry.icmp.code': ofEntries(entry => entry.IcmpTypeCode?.Code),
    'entry.icmp.type': ofEntries(entry => entry.IcmpTypeCode?.Type),
    'entry.ipv6-cidr': ofEntries(entry => entry.Ipv6CidrBlock),
    'entry.port-range.from': ofEntries(entry => entry.PortRange?.From),
    'entry.port-range.to': ofEntries(entry => entry.PortRange?.To),
    'entry.protocol': ofEntries(entry => entry.Protocol),
    'entry.rule-action': ofEntries(entry => entry.RuleAction),
    'entry.egress': ofEntries(entry => entry.Egress),
    'entry.rule-number': ofEntries(entry => entry.RuleNumber),
    'network-acl-id': row => row.networkAclId,
    'owner-id': row => accountOf(row.owner),
    'vpc-id': row => row.vpcId,
  };
}
