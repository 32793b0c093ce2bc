import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Seconds that a session token may live. */
export const tokenLifetime = { minimum: 1, maximum: 21_600 } as const;

const format = 1;
const headLength = 16;
const macLength = 24;
/** 40 bytes in base64, as long as EC2's tokens. */
const form = /^[0-9A-Za-z_-]{54}==$/;

/**
 * Session tokens of the metadata service, version 2. They need no memory: a format number, the expiry time and a
 * random part, followed by an authenticator over these and the instance, so that another instance's token is worth
 * nothing.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
 */
export interface Tokens {
  /** `now` in milliseconds since the epoch; 56 characters. */
  issue(instanceId: string, lifetimeSeconds: number, now: number): string;
  /** The full seconds that a token has left; undefined when it is not this instance's, forged, or expired. */
  remaining(instanceId: string, token: string, now: number): number | undefined;
}

/** `key`: 32 secret bytes; tokens stay good for as long as it is the same. */
export function createTokens(key: Uint8Array): Tokens {
  const authenticator = (instanceId: string, head: Uint8Array) =>
    createHmac('sha256', key)
      .update('instance metadata token\0')
      .update(head)
      .update(instanceId)
      .digest()
      .subarray(0, macLength);

  return {
    issue(instanceId, lifetimeSeconds, now) {
      const head = randomBytes(headLength);
      head.writeUInt8(format, 0);
      head.writeUIntBE(now + lifetimeSeconds * 1000, 1, 6);
      return `${Buffer.concat([head, authenticator(instanceId, head)]).toString('base64url')}==`;
    },
    remaining(instanceId, token, now) {
      if (!form.test(token)) return undefined;
      const bytes = Buffer.from(token, 'base64url');
      const head = bytes.subarray(0, headLength);
      if (!timingSafeEqual(bytes.subarray(headLength), authenticator(instanceId, head))) return undefined;
      const left = head.readUIntBE(1, 6) - now;
      return head.readUInt8(0) === format && left > 0 ? Math.ceil(left / 1000) : undefined;
    },
  };
}

/** The lifetime that a request for a token asks for; undefined when there is none or it is not allowed. */
export function parseTokenLifetime(header: string | undefined): number | undefined {
  if (header === undefined || !/^\d{1,5}$/.test(header)) return undefined;
  const seconds = Number(header);
  return seconds >= tokenLifetime.minimum && seconds <= tokenLifetime.maximum ? seconds : undefined;
}
