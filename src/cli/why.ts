import { resolveConfiguration } from '../config/resolve.ts';
import { usageError } from '../config/user-error.ts';
import { connectAdmin } from './admin-client.ts';
import type { Command } from './command.ts';

const protocols = ['tcp', 'udp', 'icmp', 'icmpv6'];

interface Answer {
  readonly reachable: boolean;
  readonly summary: string;
  readonly obstacles: readonly { readonly what: string; readonly fix?: string }[];
  readonly forward: readonly string[];
  readonly back: readonly string[];
  readonly note?: string;
}

export const command: Command = {
  name: 'why',
  summary: 'says why one instance can or cannot reach another, or the internet',
  description:
    "Follows a packet from SOURCE to DESTINATION and the answer back through routes, security groups, network ACLs and gateways, as the network does, and says what stops it and how to change that. Each end is an instance's ID or Name, a network interface's ID, an address, or `internet`; the destination may have a port (web:80, 10.0.0.5:22, [2001:db8::5]:22), without which any port counts. The exit code is 0 when it can be reached, else 1. What happens inside of instances it cannot know.",
  positionals: [
    { name: 'SOURCE', required: true },
    { name: 'DESTINATION[:PORT]', required: true },
  ],
  settings: ['data', 'listen', 'region'],
  options: [
    { name: 'protocol', placeholder: 'NAME', description: `${protocols.join(', ')} (default: tcp); icmp is ping` },
    { name: 'account', placeholder: 'ID|NAME', description: 'in this account (default: the first one)' },
    { name: 'json', description: 'prints JSON' },
  ],
  async run(invocation) {
    const configuration = await resolveConfiguration({ flags: invocation.settings, configFile: invocation.configFile });
    const [source = '', target = ''] = invocation.positionals;
    const protocol = invocation.value('protocol') ?? 'tcp';
    if (!protocols.includes(protocol)) throw usageError(`why: --protocol is one of ${protocols.join(', ')}`);
    const { name, port } = splitPort(target);
    if (port !== undefined && protocol.startsWith('icmp')) throw usageError('why: ping has no port');
    const { region } = configuration;
    const account = invocation.value('account');
    const question = { source: splitPort(`${source}`, false).name, destination: name, port, protocol };
    const answer = await connectAdmin(configuration).call<Answer>('why', { ...question, account, region });
    process.stdout.write(invocation.has('json') ? `${JSON.stringify(answer, undefined, 2)}\n` : wordsOf(answer));
    return answer.reachable ? 0 : 1;
  },
};

/** `web:80`, `[2001:db8::5]:22`; colons of an IPv6 address without brackets are its own. @throws UserError */
export function splitPort(text: string, allowed = true): { name: string; port?: number } {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  const plain = /^([^:]*):(\d+)$/.exec(text);
  const [, name = text, digits] = bracketed ?? (allowed ? plain : null) ?? [];
  if (digits === undefined) return { name };
  const port = Number(digits);
  if (port > 65_535) throw usageError(`why: there is no port ${digits}`);
  return { name, port };
}

/** The answer as a person reads it. */
export function wordsOf(answer: Answer): string {
  const { summary, obstacles, forward, back, reachable, note } = answer;
  const lines = [summary];
  for (const { what, fix } of obstacles) {
    lines.push('', `  ${what}`);
    if (fix !== undefined) lines.push(`    ${fix}`);
  }
  const list = (title: string, steps: readonly string[]) => {
    if (steps.length > 0) lines.push('', title, ...steps.map((step, index) => `  ${index + 1}. ${step}`));
  };
  list(reachable ? 'The way there:' : 'The way there, as far as it is open:', forward);
  list(reachable ? 'The way back:' : 'The way back, as far as it is open:', back);
  if (note !== undefined) lines.push('', note);
  return `${lines.join('\n')}\n`;
}
