import { createHash } from 'node:crypto';

/** Name of the network namespace that holds a VPC. */
export function vpcNamespace(vpcId: string): string {
  return `fb-${vpcId}`;
}

/**
 * Name of an interface's TAP inside its VPC's namespace. Linux allows 15 characters, so only the last 12 digits of
 * the id are in it; they are unique within any VPC that can exist, since ids are random.
 */
export function tapName(networkInterfaceId: string): string {
  return `tap${networkInterfaceId.slice(-12)}`;
}

/** Eight hexadecimal digits that tell two servers on one machine apart by their data folders. */
export function dataDirHash(dataDir: string): string {
  return createHash('sha256').update(dataDir).digest('hex').slice(0, 8);
}

/** Name of the network namespace between all VPCs of one server and the host. */
export function edgeNamespace(dataDir: string): string {
  return `fb-edge-${dataDirHash(dataDir)}`;
}
