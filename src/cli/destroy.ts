import { existsSync } from 'node:fs';
import type { Configuration } from '../config/resolve.ts';
import { UserError } from '../config/user-error.ts';

/**
 * Ends every machine of a data folder and removes its networks; volumes and state stay. No server may run on it.
 * Returns false where there is nothing of the kind.
 * @throws UserError without root.
 */
export async function destroyMachines(configuration: Configuration): Promise<boolean> {
  if (configuration.engine === 'simulator' || !existsSync(configuration.dataDir)) return false;
  if (process.getuid?.() !== 0) {
    throw new UserError('ending machines and removing networks needs root', 'Run this with sudo.');
  }
  const { createQemuEngine } = await import('../engine/qemu/engine.ts');
  const engine = await createQemuEngine({
    dataDir: configuration.dataDir,
    publicPool: configuration.publicPool,
    uplink: configuration.uplink,
    accel: configuration.accel,
    log: line => process.stderr.write(`${line}\n`),
  });
  await engine.destroy();
  return true;
}
