import type { ApiError } from '../api/errors.ts';
import { createTestApi, type TestApi } from '../api/testing.ts';

/** The API for tests of CloudTrail. */
export interface TestTrail extends TestApi {
  /** Calls an operation of CloudTrail as root; the clock goes on by a second, so that no rate is exceeded. */
  trail<Output = object>(
    operation: string,
    input?: object,
    at?: { account?: string; region?: string },
  ): Promise<Output>;
  /** Calls one that must fail and resolves to the code of its error. */
  code(operation: string, input?: object, at?: { account?: string; region?: string }): Promise<string>;
}

export function createTestTrail(): TestTrail {
  const api = createTestApi();
  return {
    ...api,
    trail: (operation, input, at) => {
      api.clock.advance(1_000);
      return api.call(operation, input, { ...at, service: 'cloudtrail' });
    },
    code: async (operation, input, at) => {
      api.clock.advance(1_000);
      const error: ApiError = await api.fail(operation, input, { ...at, service: 'cloudtrail' });
      return error.code;
    },
  };
}
