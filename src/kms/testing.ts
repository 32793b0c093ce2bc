import type { CreateKeyResponse } from '@aws-sdk/client-kms';
import type { Principal } from '../api/call.ts';
import { createTestApi, type TestApi } from '../api/testing.ts';

export interface KmsOptions {
  readonly account?: string;
  readonly region?: string;
  readonly as?: Principal;
}

export interface TestKms extends TestApi {
  /** Calls an operation of KMS as root of account 000000000000. */
  kms<Output = object>(operation: string, input?: object, options?: KmsOptions): Promise<Output>;
  /** Calls one that must fail and resolves to the code of its error. */
  code(operation: string, input?: object, options?: KmsOptions): Promise<string>;
  /** Makes a key and resolves to its id and ARN. */
  key(input?: object, options?: KmsOptions): Promise<{ KeyId: string; Arn: string }>;
}

/** The API for tests of KMS. */
export function createTestKms(): TestKms {
  const api = createTestApi();
  return {
    ...api,
    kms: (operation, input, options) => api.call(operation, input, { ...options, service: 'kms' }),
    code: async (operation, input, options) => (await api.fail(operation, input, { ...options, service: 'kms' })).code,
    key: async (input, options) => {
      const { KeyMetadata } = await api.call<CreateKeyResponse>('CreateKey', input, { ...options, service: 'kms' });
      return { KeyId: KeyMetadata?.KeyId ?? '', Arn: KeyMetadata?.Arn ?? '' };
    },
  };
}
