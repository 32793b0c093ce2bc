import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { readEntry, tarEntries } from './tar.ts';
import { ImageError } from './types.ts';

/**
 * Takes the disk out of an OVA: a tar archive with a description and one vmdk.
 * @param target file that is written
 * @throws ImageError when it is no such archive, or has no disk or several.
 * @see https://www.dmtf.org/standards/ovf
 */
export async function extractOva(file: string, target: string): Promise<void> {
  const entries = await tarEntries(file);
  const disks = entries.filter(entry => entry.name.toLowerCase().endsWith('.vmdk'));
  const [disk] = disks;
  if (disk === undefined || disks.length > 1)
    throw new ImageError(`the OVA has ${disks.length} disks; it must have one, as a .vmdk`);
  await pipeline(readEntry(file, disk), createWriteStream(target, { mode: 0o600 }));
}
