import { defineTable } from '../../state/table.ts';

/**
 * An Elastic IP address. What it is associated with is not kept here: the network interface that has the address among
 * its public ones says it.
 */
export interface AddressRow {
  readonly allocationId: string;
  readonly owner: string;
  readonly publicIp: string;
  readonly networkBorderGroup: string;
  /** A pool of addresses that the account has brought; Amazon's when left out. */
  readonly publicIpv4Pool?: string;
  /** The name that reverse DNS is to answer, with its last dot. */
  readonly ptrRecord?: string;
}

export const addresses = defineTable<AddressRow>()({
  name: 'addresses',
  key: row => row.allocationId,
  indexes: { owner: row => row.owner, publicIp: row => row.publicIp, pool: row => row.publicIpv4Pool },
});

/** The offer of an address to another account. Times are milliseconds since the epoch. */
export interface AddressTransferRow {
  /** Of the account that offers it. */
  readonly allocationId: string;
  readonly owner: string;
  readonly publicIp: string;
  readonly transferAccountId: string;
  readonly status: 'pending' | 'accepted' | 'disabled';
  readonly expires: number;
  readonly accepted?: number;
}

export const addressTransfers = defineTable<AddressTransferRow>()({
  name: 'address_transfers',
  key: row => row.allocationId,
  indexes: { owner: row => row.owner, publicIp: row => row.publicIp },
});
