import type { QmpObject } from '../qmp.ts';

/** A disk image as QEMU is to open it. */
export interface DiskImage {
  /** Relative to the data folder, QEMU's working directory. */
  readonly file: string;
  /** How many snapshots were taken of the volume. */
  readonly generation: number;
  /** Files below an encrypted one, from the top: QEMU must be given the key for each. */
  readonly encryptedBelow?: readonly string[];
  /** Past the host's page cache. */
  readonly direct?: boolean;
  /** Who has the image open, for a machine that shares it: where it listens, and under whose name the machine comes. */
  readonly server?: { readonly socket: string; readonly instanceId: string };
}

export function nodeName(volumeId: string, generation: number): string {
  return `${volumeId.replace('-', '')}${generation === 0 ? '' : `-${generation}`}`;
}

/** Name of the secret for a volume's disk. */
export function secretName(volumeId: string): string {
  return `key-${volumeId}`;
}

function protocolNode(filename: string, direct: boolean): QmpObject {
  return { driver: 'file', filename, aio: direct ? 'native' : 'threads', discard: 'unmap' };
}

/** How QEMU opens a volume's image: as a writable disk with everything below it. */
export function imageNode(volumeId: string, image: DiskImage, readOnly: boolean): QmpObject {
  if (image.server) return serverNode(volumeId, image.server, readOnly);
  const secret = image.encryptedBelow && secretName(volumeId);
  return {
    driver: 'qcow2',
    'node-name': nodeName(volumeId, image.generation),
    'read-only': readOnly,
    discard: 'unmap',
    'detect-zeroes': 'unmap',
    // All overlays of one AMI share its pages in the host's cache; others gain nothing by a second copy. Guests' flushes
    // reach the disk in any case.
    cache: { direct: image.direct === true, 'no-flush': false },
    file: protocolNode(image.file, image.direct === true),
    ...(secret ? encryption(secret) : {}),
    ...(secret && image.encryptedBelow?.length ? { backing: encryptedChain(image.encryptedBelow, secret) } : {}),
  };
}

/** Requests wait so long for a server that has gone, which somebody may start again. */
const RECONNECT_SECONDS = 30;

function serverNode(
  volumeId: string,
  { socket, instanceId }: NonNullable<DiskImage['server']>,
  readOnly: boolean,
): QmpObject {
  return {
    driver: 'nbd',
    'node-name': nodeName(volumeId, 0),
    'read-only': readOnly,
    discard: 'unmap',
    server: { type: 'unix', path: socket },
    export: instanceId,
    'reconnect-delay': RECONNECT_SECONDS,
  };
}

/** How QEMU opens an image and those below it for reading only. */
export function encryptedChain(files: readonly string[], secret: string): QmpObject | null {
  const [file, ...below] = files;
  if (file === undefined) return null;
  return {
    driver: 'qcow2',
    'read-only': true,
    file: { driver: 'file', filename: file },
    ...encryption(secret),
    ...(below.length > 0 ? { backing: encryptedChain(below, secret) } : {}),
  };
}

function encryption(secret: string): QmpObject {
  return { encrypt: { format: 'luks', 'key-secret': secret } };
}
