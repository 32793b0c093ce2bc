import type { KeyUnavailableError } from '../../kms/data-keys.ts';

/** What a snapshot says that cannot be made without a key. */
export const keyMessage = 'Given key ID is not accessible';

/** Why an instance was not started whose disks cannot be read. */
export function keyReason({ reason }: KeyUnavailableError): { code: string; message: string } {
  const isOff = reason === 'disabled' || reason === 'pending-deletion';
  return isOff
    ? {
        code: 'Client.InvalidKMSKey.InvalidState',
        message: 'Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state',
      }
    : { code: 'Client.InternalError', message: 'Client.InternalError: Client error on launch' };
}
