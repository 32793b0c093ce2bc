import { accountOf } from '../api/owner.ts';
import type { NetworkInterfaceRow } from '../ec2/network-interfaces/model.ts';
import { type SubnetRow, subnets } from '../ec2/subnets/model.ts';
import { type VpcRow, vpcs } from '../ec2/vpcs/model.ts';
import { type Caller, groupNames, interfacesOf, localHostName, publicAddresses, publicHostName } from './caller.ts';
import { collection, directory, leaf, lines, since } from './node.ts';
import type { Subject } from './subject.ts';

/** One network interface of a caller. */
interface InterfaceSubject {
  readonly caller: Caller;
  readonly version: string;
  readonly row: NetworkInterfaceRow;
}

const interfaceDirectory = directory<InterfaceSubject>({
  'device-number': leaf(({ row }) => row.attachment?.deviceIndex.toString()),
  'interface-id': leaf(({ row }) => row.networkInterfaceId),
  'ipv4-prefix': lines(({ row }) => row.ipv4Prefixes ?? []),
  'ipv6-prefix': lines(({ row }) => row.ipv6Prefixes ?? []),
  ipv6s: since(
    '2016-06-30',
    lines(({ row }) => row.ipv6Addresses ?? []),
  ),
  'ipv4-associations': collection({
    members: ({ row }) =>
      new Map(
        row.privateIpAddresses.flatMap(({ publicIp, address }) =>
          publicIp === undefined ? [] : [[publicIp, address] as const],
        ),
      ),
    place: leaf((address: string) => address),
    line: publicIp => publicIp,
  }),
  'local-hostname': leaf(({ caller, row }) => localHostName(caller, row)),
  'local-ipv4s': lines(({ row }) => row.privateIpAddresses.map(one => one.address)),
  mac: leaf(({ row }) => row.macAddress),
  'network-card': since(
    '2020-10-27',
    leaf(({ row }) => row.attachment?.networkCardIndex.toString()),
  ),
  'owner-id': leaf(({ row }) => accountOf(row.owner)),
  'public-hostname': leaf(({ caller, row }) => publicHostName(caller.db, row)),
  'public-ipv4s': lines(({ row }) => publicAddresses(row)),
  'security-group-ids': lines(({ row }) => row.groupIds),
  'security-groups': lines(({ caller, row }) => groupNames(caller.db, row.groupIds)),
  'subnet-id': leaf(({ row }) => row.subnetId),
  'subnet-ipv4-cidr-block': leaf(({ caller, row }) => caller.db.get(subnets, row.subnetId)?.cidrBlock),
  'subnet-ipv6-cidr-blocks': since(
    '2016-06-30',
    lines(({ caller, row }) => ipv6Blocks(caller.db.get(subnets, row.subnetId))),
  ),
  'vpc-id': leaf(({ row }) => row.vpcId),
  'vpc-ipv4-cidr-block': leaf(({ caller, row }) => caller.db.get(vpcs, row.vpcId)?.cidrBlock),
  'vpc-ipv4-cidr-blocks': since(
    '2016-06-30',
    lines(({ caller, row }) => vpcPrefixes(caller, row)),
  ),
  'vpc-ipv6-cidr-blocks': since(
    '2016-06-30',
    lines(({ caller, row }) => ipv6Blocks(caller.db.get(vpcs, row.vpcId))),
  ),
});

/** `meta-data/network`: what guests configure their network interfaces by. */
export const network = directory<Subject>({
  interfaces: directory({
    macs: collection({
      members: subject =>
        new Map(interfacesOf(subject).map(row => [row.macAddress, { caller: subject, version: subject.version, row }])),
      place: interfaceDirectory,
      line: mac => `${mac}/`,
    }),
  }),
});

function ipv6Blocks(row: SubnetRow | VpcRow | undefined): string[] {
  return (row?.ipv6Associations ?? []).map(one => one.ipv6CidrBlock);
}

/** The VPC's first prefix, then those added to it. */
function vpcPrefixes({ db }: Caller, row: NetworkInterfaceRow): string[] {
  const vpc = db.get(vpcs, row.vpcId);
  return vpc === undefined ? [] : [...new Set([vpc.cidrBlock, ...vpc.cidrAssociations.map(one => one.cidrBlock)])];
}
