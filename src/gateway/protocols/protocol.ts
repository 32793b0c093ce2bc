import type { ApiError } from '../../api/errors.ts';
import type { OperationModel, ServiceModel } from '../../models/models.ts';

/** A request as the protocols see it: after the signature was verified and the body decompressed. */
export interface WireRequest {
  readonly method: string;
  /** Path of the URL as it was sent, percent-encoded. */
  readonly path: string;
  /** Decoded pairs of the URL's query string, without those of a presigned URL's signature. */
  readonly query: readonly Parameter[];
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export type Parameter = readonly [name: string, value: string];

export interface WireResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export interface DecodedRequest {
  readonly operation: OperationModel;
  /** Members by the SDK's names and types: timestamps are Date, blobs Uint8Array. */
  readonly input: Record<string, unknown>;
}

/** A wire format: knows nothing of signatures and of what operations do. */
export interface Protocol {
  /** Which operation is asked, and with what input. @throws ApiError */
  decode(model: ServiceModel, request: WireRequest): DecodedRequest;
  /** @throws TypeError if the output is not of the operation's shape: a bug of the operation */
  encode(model: ServiceModel, operation: OperationModel, output: unknown, requestId: string): WireResponse;
  encodeError(model: ServiceModel, error: ApiError, requestId: string): WireResponse;
}

/** Deepest nesting of an input. The deepest one that the services model has eleven levels. */
export const maximumDepth = 32;
