import { defineTable } from '../../state/table.ts';
import { iamArn } from '../arns.ts';
import type { Tagged } from '../entity.ts';

/** An OpenID Connect provider whose tokens AssumeRoleWithWebIdentity takes. */
export interface OidcProviderRow extends Tagged {
  /** `arn:aws:iam::ACCOUNT:oidc-provider/HOST/PATH` */
  readonly arn: string;
  readonly account: string;
  /** The issuer without `https://`. */
  readonly url: string;
  /** Audiences that tokens may be for. */
  readonly clientIds: readonly string[];
  /** SHA-1 of certificates that may sign the provider's, 40 hexadecimal digits each, lower-case. */
  readonly thumbprints: readonly string[];
  readonly createDate: number;
}

export const oidcProviders = defineTable<OidcProviderRow>()({
  name: 'iam_oidc_providers',
  key: row => row.arn,
  indexes: { account: row => row.account },
});

/** @param url without `https://` */
export const oidcProviderArn = (account: string, url: string): string => iamArn(account, `oidc-provider/${url}`);
