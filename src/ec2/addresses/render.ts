import type { Address } from '@aws-sdk/client-ec2';
import type { FilterTable } from '../../api/filters.ts';
import { accountOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { tagList } from '../tags/model.ts';
import { associationOf } from './association.ts';
import type { AddressRow } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Address.html */
export function renderAddress(db: Reader, row: AddressRow): Address {
  const association = associationOf(db, row);
  return {
    AllocationId: row.allocationId,
    PublicIp: row.publicIp,
    Domain: 'vpc',
    PublicIpv4Pool: row.publicIpv4Pool ?? 'amazon',
    NetworkBorderGroup: row.networkBorderGroup,
    ...(association === undefined
      ? {}
      : {
          AssociationId: association.address.associationId,
          InstanceId: association.card.attachment?.instanceId,
          NetworkInterfaceId: association.card.networkInterfaceId,
          NetworkInterfaceOwnerId: accountOf(association.card.owner),
          PrivateIpAddress: association.address.address,
          SubnetId: association.card.subnetId,
        }),
    Tags: tagList(db, row.allocationId),
  };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAddresses.html */
export function addressFilters(db: Reader): FilterTable<AddressRow> {
  const card = (row: AddressRow) => associationOf(db, row)?.card;
  return {
    'allocation-id': row => row.allocationId,
    'association-id': row => associationOf(db, row)?.address.associationId,
    domain: () => 'vpc',
    'instance-id': row => card(row)?.attachment?.instanceId,
    'network-border-group': row => row.networkBorderGroup,
    'network-interface-id': row => card(row)?.networkInterfaceId,
    'network-interface-owner-id': row => {
      const owner = card(row)?.owner;
      return owner && accountOf(owner);
    },
    'private-ip-address': row => associationOf(db, row)?.address.address,
    'public-ip': row => row.publicIp,
  };
}
