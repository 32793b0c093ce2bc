/** Sizes that requests may have, in bytes. */
export const limits = {
  /** A body as sent. The largest that a service needs is a block of EBS, 512 KiB. */
  body: 1024 * 1024,
  /** How much of a body that is too large is read, and forgotten, before its refusal is sent. */
  drained: 16 * 1024 * 1024,
  /** A body after its Content-Encoding was undone. */
  decompressedBody: 4 * 1024 * 1024,
  /** Path and query string. */
  url: 16 * 1024,
  /** The request line and all headers. */
  header: 64 * 1024,
} as const;
