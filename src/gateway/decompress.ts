import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { ApiError } from '../api/errors.ts';
import { limits } from './limits.ts';

const unzip = promisify(gunzip);

/**
 * A body without its Content-Encoding. SDKs send large PutMetricData calls with gzip.
 * @throws ApiError for another encoding, for damaged data, and for what grows too large
 * @see https://smithy.io/2.0/spec/behavior-traits.html#requestcompression-trait
 */
export async function decompress(body: Buffer, encoding: string | undefined): Promise<Buffer> {
  if (encoding === undefined || encoding === 'identity' || encoding === '') return body;
  if (encoding.toLowerCase() !== 'gzip') {
    throw new ApiError('UnsupportedMediaType', 'Content-Encoding must be gzip or identity', 415);
  }
  try {
    return await unzip(body, { maxOutputLength: limits.decompressedBody });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(limits.decompressedBody);
    throw new ApiError('InvalidRequest', 'The body is not valid gzip data, which its Content-Encoding says it is');
  }
}

/** @param limit in bytes */
export function tooLarge(limit: number): ApiError {
  return new ApiError('RequestEntityTooLarge', `The request body has more than ${limit} bytes`, 413);
}
