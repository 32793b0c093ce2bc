import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A part of a sparse file that has data. */
export interface Extent {
  readonly start: number;
  readonly length: number;
}

/** The parts of a file that are not holes, in order: reading a hole would fill the host's page cache with zeroes. */
export async function dataExtents(file: string): Promise<Extent[]> {
  const argv = [
    'map',
    '--output=json',
    '--image-opts',
    `driver=raw,file.driver=file,file.filename=${file.replaceAll(',', ',,')}`,
  ];
  const { stdout } = await run('qemu-img', argv, { maxBuffer: 256 * 1024 * 1024 });
  const parts: { start: number; length: number; data: boolean }[] = JSON.parse(stdout);
  return parts.filter(part => part.data).map(({ start, length }) => ({ start, length }));
}
