import { X509Certificate as Certificate, type X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { checkServerIdentity, type TLSSocket } from 'node:tls';
import type { FetchDocument } from './provider-keys.ts';

const timeout = 5_000;
const maximumBytes = 256 * 1024;

/**
 * Reads a document over HTTPS. The server's certificate must be of an authority that Node trusts (or that
 * NODE_EXTRA_CA_CERTS names), or its chain must hold a certificate with one of the thumbprints, as with AWS.
 * Redirects are not followed.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html
 */
export const fetchDocument: FetchDocument = (url, thumbprints) => {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const signal = AbortSignal.timeout(timeout);
  // Whether the certificate is good is decided below, before anything of the answer is read.
  const sent = request(url, {
    rejectUnauthorized: false,
    agent: false,
    signal,
    headers: { accept: 'application/json' },
  });
  sent.on('error', error => reject(signal.aborted ? new Error(`no answer within ${timeout / 1000} s`) : error));
  sent.on('response', response => {
    const fail = (message: string) => {
      reject(new Error(message));
      sent.destroy();
    };
    const distrust = distrustOf(response.socket as TLSSocket, new URL(url).hostname, thumbprints);
    if (distrust !== undefined) return fail(distrust);
    if (response.statusCode !== 200) return fail(`${url} answered with HTTP status ${response.statusCode}`);
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maximumBytes) fail(`${url} has more than ${maximumBytes} bytes`);
      else chunks.push(chunk);
    });
    response.on('error', reject);
    response.on('end', () => resolve(Buffer.concat(chunks).toString()));
  });
  sent.end();
  return promise;
};

/** Why a server is not trusted; undefined when it is. */
function distrustOf(socket: TLSSocket, host: string, thumbprints: readonly string[]): string | undefined {
  if (socket.authorized) return undefined;
  const peer = socket.getPeerCertificate(true);
  const misnamed = checkServerIdentity(host, peer);
  if (misnamed !== undefined) return misnamed.message;
  const wanted = new Set(thumbprints.map(one => one.toLowerCase()));
  for (const certificate of chainOf(peer)) {
    if (wanted.has(certificate.fingerprint.replaceAll(':', '').toLowerCase())) return undefined;
  }
  return `its certificate is of no known authority (${socket.authorizationError}), and has none of the provider's thumbprints`;
}

/** The leaf and the certificates that vouch for it: each valid now, each signed by the next. */
function* chainOf(peer: { readonly raw: Buffer; readonly issuerCertificate?: unknown }): Generator<X509Certificate> {
  let link: { readonly raw?: Buffer; readonly issuerCertificate?: unknown } | undefined = peer;
  let before: X509Certificate | undefined;
  while (link?.raw !== undefined) {
    const certificate = new Certificate(link.raw);
    const now = Date.now();
    if (now < certificate.validFromDate.getTime() || now > certificate.validToDate.getTime()) return;
    if (before !== undefined && !before.verify(certificate.publicKey)) return;
    yield certificate;
    before = certificate;
    const next: typeof link = link.issuerCertificate as typeof link;
    if (next === link) return;
    link = next;
  }
}
