import { randomUUID } from 'node:crypto';
import type { Principal } from '../api/call.ts';
import { createTestApi, type TestApi } from '../api/testing.ts';

export interface TestIam extends TestApi {
  /** Calls an IAM operation as root of account 000000000000. */
  iam<Output = void>(operation: string, input?: object, account?: string): Promise<Output>;
  /** Calls one that must fail and resolves to the code of its error. */
  code(operation: string, input?: object, account?: string): Promise<string>;
  /** Calls one as somebody else than root. */
  as<Output = void>(principal: Principal, operation: string, input?: object): Promise<Output>;
}

export const testAccount = '000000000000';

/** The API for tests of IAM. */
export function createTestIam(): TestIam {
  const api = createTestApi();
  return {
    ...api,
    iam: (operation, input = {}, account = testAccount) => api.call(operation, input, { service: 'iam', account }),
    code: async (operation, input = {}, account = testAccount) =>
      (await api.fail(operation, input, { service: 'iam', account })).code,
    as: async <Output>(principal: Principal, operation: string, input: object = {}) =>
      (await api.handle({
        requestId: randomUUID(),
        service: 'iam',
        operation,
        input: structuredClone(input) as Record<string, unknown>,
        region: 'us-east-1',
        principal,
        sourceAddress: '127.0.0.1',
        userAgent: 'test',
      })) as Output,
  };
}

/** A policy document with one statement. */
export function policy(Action: string | string[], Resource: string | string[] = '*', more: object = {}): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource, ...more }] });
}

/** A trust policy. */
export function trust(Principal: object = { Service: 'ec2.amazonaws.com' }): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRole' }],
  });
}

/** A policy document of this many characters. */
export function policyOfSize(size: number): string {
  const empty = policy('ec2:X', '*').length;
  return policy(`ec2:X${'x'.repeat(size - empty)}`, '*');
}
