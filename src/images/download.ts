import { type FileHandle, open, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { sha256OfFile } from './cache.ts';
import { ImageError, type Progress } from './types.ts';

export interface DownloadOptions {
  onProgress?: Progress;
  /** Told how many bytes are there, and how many there will be where the server says so. Throws to end the download. */
  onBytes?: (have: number, total: number | undefined) => void;
  signal?: AbortSignal;
  /** Asked about every address before it is, also those that redirects lead to. Throws to forbid it. */
  check?: (url: URL) => Promise<void>;
  /** How often a connection that was cut without having brought anything is tried again. */
  attempts?: number;
  /** Milliseconds without a byte after which a connection counts as cut. */
  stallTimeout?: number;
}

/** An answer that will not change by asking again. */
class Refused extends ImageError {}

/** A small text, and the address that it came from after redirects. */
export async function fetchText(url: string): Promise<{ text: string; url: string }> {
  const response = await request(url, {}, 30_000);
  return { text: await response.text(), url: response.url };
}

/**
 * Downloads `url` into `file` and checks it. What `file` holds already is taken as the beginning of the same content
 * and the rest is asked for (RFC 9110, section 14); so is the rest of a connection that was cut. With a wrong checksum
 * the file is deleted; after a cut it stays for the next call.
 * @param sha256 expected hash, hex.
 * @returns when the server says that the content was made.
 */
export async function download(
  url: string,
  file: string,
  sha256: string,
  options: DownloadOptions = {},
): Promise<{ lastModified: Date | undefined }> {
  const { lastModified } = await downloadWhole(url, file, options);
  const actual = await sha256OfFile(file);
  if (actual === sha256.toLowerCase()) return { lastModified };
  await rm(file, { force: true });
  throw new ImageError(`${url} has the checksum ${actual}, not ${sha256}; it was deleted`);
}

/**
 * Downloads `url` into `file` as `download` does, without a checksum: the rest after a cut is taken only while the server
 * says that the content is the same as before (RFC 9110, section 13.1.5).
 */
export async function downloadWhole(
  url: string,
  file: string,
  options: DownloadOptions = {},
): Promise<{ lastModified: Date | undefined }> {
  const content: Content = {};
  let failures = 0;
  for (;;) {
    const before = await sizeOf(file);
    try {
      return { lastModified: await downloadOnce(url, file, options, content) };
    } catch (error) {
      if (error instanceof Refused || options.signal?.aborted === true) throw error;
      failures = (await sizeOf(file)) > before ? 0 : failures + 1;
      const reason = reasonOf(error);
      if (failures >= (options.attempts ?? 5)) {
        throw new ImageError(`${url}: the download ended early (${reason}); the next try continues it`, {
          cause: error,
        });
      }
      options.onProgress?.(`connection lost (${reason}), continuing`);
      await sleep(200 * 2 ** failures);
    }
  }
}

/** What is known of the content that is being downloaded. */
interface Content {
  /** A strong entity tag, or when it was last modified. */
  validator?: string | undefined;
}

async function downloadOnce(
  url: string,
  file: string,
  options: DownloadOptions,
  content: Content,
): Promise<Date | undefined> {
  const stallTimeout = options.stallTimeout ?? 30_000;
  const handle = await open(file, 'a', 0o600);
  try {
    let have = (await handle.stat()).size;
    const condition: Record<string, string> = content.validator === undefined ? {} : { 'if-range': content.validator };
    const headers: Record<string, string> = have > 0 ? { range: `bytes=${have}-`, ...condition } : {};
    const { signal, check } = options;
    const response = await request(url, headers, stallTimeout, { also: [206, 416], signal, check });
    content.validator ??= validatorOf(response);
    // 416: there is nothing after what we have, so it is complete, or it is not that file; the checksum tells.
    if (response.status === 416) return dateOf(response);
    if (response.status !== 206) {
      await handle.truncate(0);
      have = 0;
    } else if (!(response.headers.get('content-range') ?? '').startsWith(`bytes ${have}-`)) {
      throw new Refused(`${url}: the server answered with another range than was asked for`);
    }
    const length = response.headers.get('content-length');
    const total = length === null ? undefined : have + Number(length);
    const received = await copyBody(response, handle, stallTimeout, bytes => report(options, have + bytes, total));
    if (total !== undefined && have + received < total) throw new Error(`${have + received} of ${total} bytes`);
    return dateOf(response);
  } finally {
    await handle.close();
  }
}

async function copyBody(
  response: Response,
  handle: FileHandle,
  stallTimeout: number,
  onBytes: (received: number) => void,
): Promise<number> {
  let received = 0;
  const reader = response.body?.getReader();
  while (reader) {
    const { done, value } = await withTimeout(
      reader.read(),
      stallTimeout,
      () => void reader.cancel().catch(() => undefined),
    );
    if (done) break;
    await handle.write(value);
    received += value.length;
    onBytes(received);
  }
  return received;
}

interface RequestOptions {
  readonly also?: readonly number[];
  readonly signal?: AbortSignal | undefined;
  readonly check?: DownloadOptions['check'] | undefined;
}

const maximumRedirects = 10;

/** Follows redirects itself, so that each address is looked at. */
async function fetchChecked(
  url: URL,
  init: RequestInit,
  check: NonNullable<DownloadOptions['check']>,
): Promise<Response> {
  let place = url;
  for (let hop = 0; hop <= maximumRedirects; hop++) {
    await check(place);
    const response = await fetch(place, { ...init, redirect: 'manual' });
    const location = response.headers.get('location');
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
    await response.body?.cancel();
    place = new URL(location, place);
  }
  throw new ImageError(`${url.href} leads from one address to another for ever`);
}

async function request(
  url: string,
  headers: Record<string, string>,
  timeout: number,
  { also = [], signal, check }: RequestOptions = {},
): Promise<Response> {
  const controller = new AbortController();
  let response: Response;
  try {
    const either = signal === undefined ? controller.signal : AbortSignal.any([controller.signal, signal]);
    const sent =
      check === undefined
        ? fetch(url, { headers, signal: either })
        : fetchChecked(new URL(url), { headers, signal: either }, check);
    response = await withTimeout(sent, timeout, () => controller.abort());
  } catch (error) {
    if (error instanceof ImageError) throw new Refused(error.message);
    throw new ImageError(`cannot reach ${new URL(url).host}: ${reasonOf(error)}`, { cause: error });
  }
  if (response.status === 200 || also.includes(response.status)) return response;
  await response.body?.cancel();
  const message = `${url}: the server answered ${response.status} ${response.statusText}`.trim();
  throw response.status >= 500 ? new ImageError(message) : new Refused(message);
}

async function withTimeout<T>(work: Promise<T>, milliseconds: number, onTimeout: () => void): Promise<T> {
  const timer = new AbortController();
  const timeout = sleep(milliseconds, undefined, { signal: timer.signal }).then(
    () => {
      onTimeout();
      throw new Error(`no data for ${milliseconds / 1000} s`);
    },
    () => work,
  );
  try {
    return await Promise.race([work, timeout]);
  } finally {
    timer.abort();
  }
}

function validatorOf(response: Response): string | undefined {
  const tag = response.headers.get('etag');
  return tag?.startsWith('"') === true ? tag : (response.headers.get('last-modified') ?? undefined);
}

function report(options: DownloadOptions, have: number, total: number | undefined): void {
  options.onBytes?.(have, total);
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  if (total === undefined) options.onProgress?.(`${mib(have)} MiB`);
  else options.onProgress?.(`${mib(have)} of ${mib(total)} MiB`, total === 0 ? 1 : have / total);
}

function dateOf(response: Response): Date | undefined {
  const date = new Date(response.headers.get('last-modified') ?? '');
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

async function sizeOf(file: string): Promise<number> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (!handle) return 0;
  try {
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}
