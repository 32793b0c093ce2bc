import { defineTable } from '../../state/table.ts';
import { iamArn } from '../arns.ts';
import type { Tagged } from '../entity.ts';

/** A virtual MFA device: a secret that a program on a phone shares and makes codes from. */
export interface MfaDeviceRow extends Tagged {
  /** `arn:aws:iam::ACCOUNT:mfa/PATH/NAME` */
  readonly serialNumber: string;
  readonly account: string;
  /** The shared secret in base32, sealed about the serial number. */
  readonly sealedSeed: string;
  readonly createDate: number;
  /** Whose it is, since when; absent until it is enabled. */
  readonly enabled?: {
    readonly userId: string;
    readonly date: number;
    /** By how many steps of 30 seconds the device's clock was ahead. */
    readonly drift: number;
    /** Step of the last code that was taken: none is taken twice. */
    readonly lastStep: number;
  };
}

export const mfaDevices = defineTable<MfaDeviceRow>()({
  name: 'iam_mfa_devices',
  key: row => row.serialNumber,
  indexes: { account: row => row.account, user: row => row.enabled?.userId },
});

export const mfaArn = (account: string, path: string, name: string): string => iamArn(account, `mfa${path}${name}`);
