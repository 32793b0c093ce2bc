import { ApiError } from '../../api/errors.ts';
import type { Jwk } from './jwt.ts';

/** Reads a document of a provider. Rejects when it cannot be had. */
export type FetchDocument = (url: string, thumbprints: readonly string[]) => Promise<string>;

interface Known {
  readonly keys: readonly Jwk[];
  /** Milliseconds since the epoch. */
  readonly fetched: number;
}

/** Keys are asked for again after this time, in milliseconds … */
const lifetime = 3_600_000;
/** … and after this when a token names one that is not among them, or when they could not be had. */
const patience = 30_000;

/**
 * The keys of OpenID Connect providers, fetched from where their configuration says (OpenID Connect Discovery 1.0) and
 * kept for an hour. Only providers that an account registered are ever asked.
 */
export class ProviderKeys {
  readonly #fetch: FetchDocument;
  readonly #known = new Map<string, Known>();
  readonly #failed = new Map<string, number>();
  readonly #running = new Map<string, Promise<Known>>();

  constructor(fetch: FetchDocument) {
    this.#fetch = fetch;
  }

  /**
   * @param issuer URL, as tokens name it
   * @param thumbprints of certificates, one of which must be in the server's chain when no authority vouches for it
   * @param keyId the key that is looked for
   * @param now milliseconds since the epoch
   * @throws ApiError `IDPCommunicationError`
   */
  async of(
    issuer: string,
    thumbprints: readonly string[],
    keyId: string | undefined,
    now: number,
  ): Promise<readonly Jwk[]> {
    const known = this.#known.get(issuer);
    const age = known === undefined ? Number.POSITIVE_INFINITY : now - known.fetched;
    const has = known?.keys.some(key => keyId === undefined || key.kid === undefined || key.kid === keyId) ?? false;
    if (known !== undefined && age < (has ? lifetime : patience)) return known.keys;
    if (now - (this.#failed.get(issuer) ?? Number.NEGATIVE_INFINITY) < patience) {
      // Keys that were valid an hour ago are better than none.
      if (known !== undefined && has) return known.keys;
      throw unreachable(issuer, 'it could not be reached a moment ago');
    }
    try {
      const fresh = await this.#once(issuer, thumbprints, now);
      return fresh.keys;
    } catch (error) {
      this.#failed.set(issuer, now);
      if (known !== undefined && has) return known.keys;
      throw unreachable(issuer, error instanceof Error ? error.message : String(error));
    }
  }

  /** Calls that come while keys are being fetched wait for the same answer. */
  #once(issuer: string, thumbprints: readonly string[], now: number): Promise<Known> {
    let running = this.#running.get(issuer);
    if (running === undefined) {
      running = this.#load(issuer, thumbprints, now).finally(() => this.#running.delete(issuer));
      this.#running.set(issuer, running);
    }
    return running;
  }

  async #load(issuer: string, thumbprints: readonly string[], now: number): Promise<Known> {
    const configuration = memberOf(
      await this.#fetch(`${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`, thumbprints),
      'jwks_uri',
    );
    if (
      typeof configuration !== 'string' ||
      !URL.canParse(configuration) ||
      new URL(configuration).protocol !== 'https:'
    )
      throw new Error('its configuration has no jwks_uri that begins with https://');
    const keys = memberOf(await this.#fetch(configuration, thumbprints), 'keys');
    if (!Array.isArray(keys)) throw new Error(`${configuration} is no JWKS`);
    const known = { keys: keys.filter(key => typeof key === 'object' && key !== null) as Jwk[], fetched: now };
    this.#known.set(issuer, known);
    this.#failed.delete(issuer);
    return known;
  }
}

function memberOf(text: string, name: string): unknown {
  const value: unknown = JSON.parse(text);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function unreachable(issuer: string, reason: string): ApiError {
  return new ApiError(
    'IDPCommunicationError',
    `The keys of the identity provider ${issuer} could not be had: ${reason}.`,
  );
}
