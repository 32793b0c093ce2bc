/**
 * A metadata service for guest tests of images alone, without the rest of Fogbank: serves a JSON file of paths on
 * 169.254.169.254:80, version 2 of the protocol only. Run it inside a network namespace:
 * `ip netns exec NAME node metadata-server.ts ITEMS.json [ADDRESS [PORT]]`.
 * Items: `{"meta-data/instance-id": "i-…", …, "user-data": {"base64": "…"}}`.
 */
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';

type Item = string | { base64: string };

const [file = '', address = '169.254.169.254', port = '80'] = process.argv.slice(2);
const token = 'dGVzdC10b2tlbg==';

function items(): Map<string, Item> {
  const parsed: Record<string, Item> = JSON.parse(readFileSync(file, 'utf8'));
  return new Map(Object.entries(parsed));
}

function answer(response: ServerResponse, status: number, body: string | Buffer = ''): void {
  response.writeHead(status, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/** The names directly below a folder; folders end with a slash. */
function listing(all: Map<string, Item>, folder: string): string {
  const prefix = folder === '' ? '' : `${folder}/`;
  const names = new Set<string>();
  for (const path of all.keys()) {
    if (!path.startsWith(prefix)) continue;
    const [name = '', ...rest] = path.slice(prefix.length).split('/');
    names.add(rest.length > 0 ? `${name}/` : name);
  }
  // A key pair is listed with its name: 0=NAME.
  if (folder === 'meta-data/public-keys') return '0=test';
  return [...names].join('\n');
}

createServer((request, response) => {
  const path = (request.url ?? '/').replace(/^\/[^/]+\/?/, '').replace(/\/$/, '');
  console.log(`${request.method} ${request.url}`);
  if (request.method === 'PUT') {
    const ttl = request.headers['x-aws-ec2-metadata-token-ttl-seconds'];
    if (!ttl) return answer(response, 400);
    response.setHeader('x-aws-ec2-metadata-token-ttl-seconds', ttl);
    return answer(response, 200, token);
  }
  if (request.headers['x-aws-ec2-metadata-token'] !== token) return answer(response, 401);
  const all = items();
  const item = all.get(path);
  if (typeof item === 'string') return answer(response, 200, item);
  if (item) return answer(response, 200, Buffer.from(item.base64, 'base64'));
  const list = listing(all, path);
  return list === '' ? answer(response, 404, 'Not Found') : answer(response, 200, list);
}).listen(Number(port), address);
