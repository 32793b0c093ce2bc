import { EngineError } from '../engine.ts';

/** Whether QEMU ended since another QEMU has a disk open. @param reason its last words */
export function isImageInUse(reason: string): boolean {
  return /another process using the image|Failed to get "?\w+"? lock/i.test(reason);
}

/** Why a machine did not start. @param reason QEMU's last words */
export function startFailure(reason: string): EngineError {
  const memory = /cannot allocate memory/i.test(reason);
  return new EngineError(memory ? 'InsufficientCapacity' : 'Failed', `the machine could not be started: ${reason}`);
}
