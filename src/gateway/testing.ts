import type { AccessKey, Call } from '../api/call.ts';
import { systemClock } from '../api/clock.ts';
import type { RequestLog } from './exchange.ts';
import { type Gateway, type GatewayOptions, startGateway } from './server.ts';

/** Help for tests of the wire: a gateway on a free port with one access key and a handler that the test gives. */

export const testKey: AccessKey = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  active: true,
  principal: {
    account: '000000000000',
    type: 'root',
    arn: 'arn:aws:iam::000000000000:root',
    userId: '000000000000',
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  },
};

export interface TestGateway {
  readonly gateway: Gateway;
  /** Every call that reached the handler, oldest first. */
  readonly calls: Call[];
  readonly log: RequestLog[];
  /** What the handler answers; it may throw. Set it in each test. */
  handle: (call: Call) => unknown;
  /** Options for a client of `@aws-sdk/client-*`. */
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
    maxAttempts: number;
  };
}

export async function startTestGateway(options: Partial<GatewayOptions> = {}): Promise<TestGateway> {
  const calls: Call[] = [];
  const log: RequestLog[] = [];
  const gateway = await startGateway({
    host: '127.0.0.1',
    port: 0,
    handle: async call => {
      calls.push(call);
      return test.handle(call);
    },
    accessKey: id => (id === testKey.accessKeyId ? testKey : undefined),
    clock: systemClock,
    log: entry => log.push(entry),
    regions: name => name === 'us-east-1' || name === 'eu-central-1',
    ...options,
  });
  const { accessKeyId, secretAccessKey } = testKey;
  const credentials = { accessKeyId, secretAccessKey };
  const client = { endpoint: gateway.url, region: 'us-east-1', credentials, maxAttempts: 1 };
  const test: TestGateway = { gateway, calls, log, handle: () => ({}), client };
  return test;
}
