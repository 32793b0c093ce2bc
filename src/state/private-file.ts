import { closeSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** The text of a file; undefined when there is none. */
export function readPresent(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Writes a file that its owner alone may read. It is on the disk, whole, when this returns; before that, the old one
 * or none is.
 * @param existing what becomes of a file of that name; `keep` throws `EEXIST`
 */
export function writePrivate(file: string, text: string, existing: 'replace' | 'keep'): void {
  const temporary = `${file}.${process.pid}`;
  const descriptor = openSync(temporary, 'w', 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  if (existing === 'replace') renameSync(temporary, file);
  else {
    try {
      linkSync(temporary, file);
    } finally {
      rmSync(temporary);
    }
  }
  const folder = openSync(dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
