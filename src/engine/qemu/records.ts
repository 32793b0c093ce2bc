import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineSpec } from '../engine.ts';
import type { ProcessId } from './process.ts';

/** How a machine ended, as it is kept for whoever asks later. */
export interface ExitRecord {
  readonly cause: 'guest-shutdown' | 'host-request' | 'crash';
  readonly message?: string;
}

/** Names of the kept files; each is there or not, never half. */
interface Records {
  /** What was asked for at the last start. */
  'spec.json': MachineSpec;
  /** There once QEMU was started: without it, a machine that does not run never ran. */
  'process.json': ProcessId;
  /** There while the machine is made from a frozen guest: until it has gone, the machine has never run. */
  'copy.json': { readonly rootVolumeId: string };
  /** There while the machine's memory is kept in its root disk. */
  'hibernated.json': { readonly rootVolumeId: string };
  /** There while it is given that memory back: it has not run until this has gone. */
  'resume.json': { readonly rootVolumeId: string };
  /** There as soon as it is decided that the machine ends, before it does. */
  'exit.json': ExitRecord;
}

/** The little that must be remembered of one machine across restarts of the server. */
export class MachineRecords {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async read<Name extends keyof Records>(name: Name): Promise<Records[Name] | undefined> {
    const text = await readFile(join(this.#folder, name), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text) as Records[Name];
    } catch {
      // Only a host that lost power leaves half a file here; its machines are gone anyway.
      return undefined;
    }
  }

  async write<Name extends keyof Records>(name: Name, value: Records[Name]): Promise<void> {
    const file = join(this.#folder, name);
    await writeFile(`${file}.new`, JSON.stringify(value), { mode: 0o600 });
    await rename(`${file}.new`, file);
  }

  async delete(name: keyof Records): Promise<void> {
    await rm(join(this.#folder, name), { force: true });
  }
}
