import { homedir } from 'node:os';
import { join } from 'node:path';

/** What decides where files go; a parameter so that tests need neither root nor another environment. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly uid: number;
}

export function thisHost(): Host {
  return { env: process.env, cwd: process.cwd(), uid: process.getuid?.() ?? 1 };
}

/** The XDG base directory of a kind; the specification says that relative paths are ignored. */
function xdg(host: Host, variable: string, fallback: string): string {
  const value = host.env[variable];
  return value?.startsWith('/') ? value : join(host.env.HOME ?? homedir(), fallback);
}

/** `/var/lib/fogbank` for root, the XDG data folder otherwise. */
export function defaultDataDir(host: Host): string {
  return host.uid === 0 ? '/var/lib/fogbank' : join(xdg(host, 'XDG_DATA_HOME', '.local/share'), 'fogbank');
}

/** Configuration files in the order in which they are looked for; the first that exists is the only one read. */
export function configFileCandidates(host: Host): string[] {
  return [
    join(host.cwd, 'fogbank.toml'),
    host.uid === 0
      ? '/etc/fogbank/fogbank.toml'
      : join(xdg(host, 'XDG_CONFIG_HOME', '.config'), 'fogbank/fogbank.toml'),
  ];
}
