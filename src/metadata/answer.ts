import { tokenReasonPhrase } from '../engine/qemu/fabric/layout.ts';
import type { Content } from './node.ts';

/** What goes back over the wire, before `Content-Length`, `Date` and the headers of every answer. */
export interface Answer {
  readonly status: number;
  /** The status line's words. */
  readonly reason: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Content;
}

export const tokenLifetimeHeader = 'X-Aws-Ec2-Metadata-Token-Ttl-Seconds';

const reasons = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  414: 'URI Too Long',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const;

export type FailureStatus = keyof typeof reasons;

/** A failure, with the page that EC2 sends with it. */
export function failure(status: FailureStatus): Answer {
  const title = `${status} - ${reasons[status]}`;
  const body = [
    '<?xml version="1.0" encoding="iso-8859-1"?>',
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"',
    '\t"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">',
    '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">',
    ' <head>',
    `  <title>${title}</title>`,
    ' </head>',
    ' <body>',
    `  <h1>${title}</h1>`,
    ' </body>',
    '</html>',
    '',
  ].join('\n');
  return { status, reason: reasons[status], headers: [['Content-Type', 'text/html']], body };
}

export function methodNotAllowed(allowed: string): Answer {
  return {
    status: 405,
    reason: 'Not Allowed',
    headers: [
      ['Allow', allowed],
      ['Content-Type', 'text/plain'],
    ],
    body: '',
  };
}

/** The answer with a new token: by its reason phrase the fabric finds the packets whose IP TTL is the hop limit. */
export function tokenAnswer(token: string, lifetimeSeconds: number): Answer {
  return {
    status: 200,
    reason: tokenReasonPhrase,
    headers: [
      [tokenLifetimeHeader, lifetimeSeconds.toString()],
      ['Content-Type', 'text/plain'],
    ],
    body: token,
  };
}

/** Something found. `lastModified` in milliseconds since the epoch; `tokenSeconds` what is left of the request's token. */
export function found(
  body: Content,
  options: { contentType: string; lastModified: number; tokenSeconds: number | undefined },
): Answer {
  const headers: [string, string][] = [
    ['Content-Type', options.contentType],
    ['Accept-Ranges', 'none'],
    ['Last-Modified', new Date(options.lastModified).toUTCString()],
  ];
  if (options.tokenSeconds !== undefined) headers.unshift([tokenLifetimeHeader, options.tokenSeconds.toString()]);
  return { status: 200, reason: 'OK', headers, body };
}
