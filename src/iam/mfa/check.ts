import { ApiError } from '../../api/errors.ts';
import type { Tx } from '../../state/state.ts';
import type { Secrets } from '../secrets.ts';
import { type MfaDeviceRow, mfaDevices } from './model.ts';
import { stepOf, stepOfCodes } from './totp.ts';

/** What a call that claims MFA gives. */
export interface MfaClaim {
  readonly SerialNumber?: string | undefined;
  readonly TokenCode?: string | undefined;
}

/**
 * Checks the code that a user's device shows now, or showed half a minute ago; it is not taken a second time.
 * @throws ApiError `AccessDenied`
 */
export function checkMfaCode(tx: Tx, secrets: Secrets, userId: string, claim: MfaClaim, now: number): void {
  const device = tx.get(mfaDevices, claim.SerialNumber ?? '');
  if (device?.enabled === undefined || device.enabled.userId !== userId) {
    throw new ApiError(
      'AccessDenied',
      'MultiFactorAuthentication failed, unable to validate MFA code. Please verify your MFA serial number is valid and associated with this user.',
    );
  }
  const seed = secrets.open(device.sealedSeed, device.serialNumber);
  const step = stepOfCodes(seed, [claim.TokenCode ?? ''], stepOf(now) + device.enabled.drift, 1);
  if (step === undefined || step <= device.enabled.lastStep) {
    throw new ApiError('AccessDenied', 'MultiFactorAuthentication failed with invalid MFA one time pass code.');
  }
  const taken: MfaDeviceRow = { ...device, enabled: { ...device.enabled, lastStep: step } };
  tx.put(mfaDevices, taken);
}
