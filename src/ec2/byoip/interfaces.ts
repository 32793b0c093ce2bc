import type { Reader } from '../../state/state.ts';
import { addresses } from '../addresses/model.ts';
import { type NetworkInterfaceRow, networkInterfaces } from '../network-interfaces/model.ts';

/** The network interfaces that addresses of a pool are mapped to. */
export function interfacesOf(db: Reader, poolId: string): NetworkInterfaceRow[] {
  return db.by(addresses, 'pool', poolId).flatMap(row => db.by(networkInterfaces, 'publicIp', row.publicIp));
}
