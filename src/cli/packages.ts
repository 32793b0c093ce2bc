import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { UserError } from '../config/user-error.ts';

/** A Debian package, known by a file that it brings: a command, or an absolute path where it has no command. */
export interface SystemPackage {
  readonly provides: string;
  readonly name: string;
}

/** What the `qemu` engine runs, and what `fogbank ssh` needs. */
export const machinePackages: readonly SystemPackage[] = [
  { provides: 'qemu-system-x86_64', name: 'qemu-system-x86' },
  { provides: 'qemu-img', name: 'qemu-utils' },
  { provides: 'nft', name: 'nftables' },
  { provides: 'ip', name: 'iproute2' },
  { provides: 'dnsmasq', name: 'dnsmasq-base' },
  { provides: 'conntrack', name: 'conntrack' },
  { provides: 'nsenter', name: 'util-linux' },
  { provides: 'setpriv', name: 'util-linux' },
  { provides: 'sysctl', name: 'procps' },
  { provides: 'perl', name: 'perl-base' },
  { provides: 'ssh', name: 'openssh-client' },
];

/** What building an AMI runs besides. */
export const imagePackages: readonly SystemPackage[] = [
  { provides: 'qemu-img', name: 'qemu-utils' },
  { provides: 'mmdebstrap', name: 'mmdebstrap' },
  { provides: 'mke2fs', name: 'e2fsprogs' },
];

/** What the tests with machines and networks run besides. */
export const guestTestPackages: readonly SystemPackage[] = [
  { provides: 'ping', name: 'iputils-ping' },
  { provides: 'dig', name: 'bind9-dnsutils' },
  { provides: 'udhcpc', name: 'udhcpc' },
  { provides: 'openssl', name: 'openssl' },
  { provides: '/usr/share/OVMF/OVMF_CODE_4M.fd', name: 'ovmf' },
];

/** Administrators' commands are not on every user's PATH. */
function searchPath(): string[] {
  return [...new Set([...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'])].filter(
    Boolean,
  );
}

/** The file that a command name runs, or undefined. Absolute names are looked at as they are. */
export function findCommand(name: string): string | undefined {
  const candidates = name.startsWith('/') ? [name] : searchPath().map(folder => join(folder, name));
  return candidates.find(file => {
    try {
      accessSync(file, name.startsWith('/') ? constants.R_OK : constants.X_OK);
      return name.startsWith('/') || statSync(file).isFile();
    } catch {
      return false;
    }
  });
}

/** Names of the packages that are missing, each once, in the order of the list. */
export function missingPackages(packages: readonly SystemPackage[]): string[] {
  return [...new Set(packages.filter(item => findCommand(item.provides) === undefined).map(item => item.name))];
}

/**
 * Installs what is missing by apt-get, as root or by sudo without a password; does nothing when all is there.
 * @throws UserError naming exactly what to install, where it may not or cannot.
 */
export async function ensurePackages(packages: readonly SystemPackage[], purpose: string): Promise<void> {
  const missing = missingPackages(packages);
  if (missing.length === 0) return;
  const toInstall = new UserError(
    `these Debian packages are missing ${purpose}: ${missing.join(' ')}`,
    `As root: apt-get install ${missing.join(' ')}`,
  );
  const apt = await aptCommand();
  if (apt === undefined) throw toInstall;
  process.stderr.write(`fogbank: installing Debian packages ${purpose} (once): ${missing.join(' ')}\n`);
  if (!(await install(apt, missing))) throw toInstall;
  const still = missingPackages(packages);
  if (still.length > 0)
    throw new UserError(`apt-get installed them, but these still bring no command: ${still.join(' ')}`);
}

/** Refreshes the package lists only where they do not serve: they are missing, or older than the mirror. */
async function install(apt: readonly string[], names: readonly string[]): Promise<boolean> {
  if ((await run([...apt, 'install', '--simulate', ...names], true)) && (await run([...apt, 'install', ...names])))
    return true;
  return (await run([...apt, 'update'])) && (await run([...apt, 'install', ...names]));
}

async function aptCommand(): Promise<string[] | undefined> {
  if (findCommand('apt-get') === undefined) return undefined;
  const command = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-y', '--no-install-recommends'];
  if (process.getuid?.() === 0) return command;
  if (findCommand('sudo') === undefined || !(await run(['sudo', '-n', 'true'], true))) return undefined;
  return ['sudo', '-n', ...command];
}

/** On a terminal one sees the command work, on stderr; in a log, its thousands of lines matter only when it fails. */
function run(words: readonly string[], quiet = false): Promise<boolean> {
  const [command = '', ...rest] = words;
  const live = !quiet && process.stderr.isTTY;
  const child = spawn(command, rest, { stdio: live ? ['ignore', 2, 2] : ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const collect = (chunk: Buffer): void => {
    output = (output + chunk).slice(-4000);
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  return new Promise(resolve => {
    child.on('error', () => resolve(false));
    child.on('close', code => {
      if (code !== 0 && !quiet) process.stderr.write(output);
      resolve(code === 0);
    });
  });
}
