import type { Configuration } from '../config/resolve.ts';
import { UserError } from '../config/user-error.ts';
import { adminPath, adminService } from '../server/admin-route.ts';
import { noAnswer } from './client.ts';
import { clientEnvironment } from './env.ts';
import { signRequest } from './sign.ts';

/** Calls of what AWS has no API for, and of IAM in any account, as the root of the first account. */
export interface AdminClient {
  readonly endpoint: string;
  /** @throws UserError */
  call<Output>(action: string, input: object): Promise<Output>;
  /** Calls IAM as the root of an account (its id or name). @throws UserError */
  iam<Output>(account: string, operation: string, input: object): Promise<Output>;
}

/** An answer that was no success; `code` as the service has it. */
export class AdminError extends UserError {
  readonly code: string;
  constructor(code: string, message: string) {
    super(`${message} (${code})`);
    this.code = code;
  }
}

/** @throws UserError when the server has never been started */
export function connectAdmin(configuration: Configuration): AdminClient {
  const variables = clientEnvironment(configuration);
  const endpoint = variables.AWS_ENDPOINT_URL ?? '';
  const key = {
    accessKeyId: variables.AWS_ACCESS_KEY_ID ?? '',
    secretAccessKey: variables.AWS_SECRET_ACCESS_KEY ?? '',
  };
  const { region } = configuration;
  const call = async <Output>(action: string, input: object): Promise<Output> => {
    const url = new URL(adminPath, endpoint);
    const body = JSON.stringify({ action, input });
    const headers = signRequest({ method: 'POST', url, body, headers: { 'content-type': 'application/json' } }, key, {
      service: adminService,
      region,
    });
    let response: Response;
    try {
      response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(60_000) });
    } catch (error) {
      throw noAnswer(new URL(endpoint), error);
    }
    const answer = JSON.parse(await response.text()) as { code?: string; message?: string };
    if (response.ok) return answer as Output;
    throw new AdminError(answer.code ?? String(response.status), answer.message ?? 'the server refused');
  };
  return {
    endpoint,
    call,
    iam: (account, operation, input) => call('call', { account, service: 'iam', operation, input, region }),
  };
}
