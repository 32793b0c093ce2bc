import type { Parser } from './parsers.ts';
import * as parse from './parsers.ts';

/** How one setting is written in each place, and what it means. `docs/configuration.md` is generated from this. */
export interface SettingSpec {
  /** Key in `fogbank.toml`; with `--` before it the flag. */
  readonly name: string;
  /** What the value is called in help texts. */
  readonly placeholder: string;
  readonly description: string;
  /** As shown to people; the value itself is in `resolve.ts`, since some depend on who runs Fogbank. */
  readonly default: string;
  readonly parse: Parser;
  /** A path is taken relative to the configuration file's folder, or to the current one. */
  readonly path?: boolean;
  /** A switch in place of a flag with a value: its name, and what it stands for. */
  readonly switch?: { readonly name: string; readonly value: string; readonly description: string };
  /** Secrets have no flag, since every user of the machine sees the command lines of processes. */
  readonly secret?: boolean;
}

export const settings = {
  engine: {
    name: 'engine',
    placeholder: 'qemu|simulator',
    description: 'what provides the machines: QEMU on this machine, or nothing at all (for API tests; needs no root)',
    default: 'qemu',
    parse: parse.oneOf('qemu', 'simulator'),
  },
  listen: {
    name: 'listen',
    placeholder: 'HOST:PORT',
    description: 'where the server listens; port 0 takes any free one',
    default: '127.0.0.1:4566',
    parse: parse.listen,
  },
  data: {
    name: 'data',
    placeholder: 'DIR',
    description: 'where state, disks and keys are kept',
    default: '/var/lib/fogbank for root, $XDG_DATA_HOME/fogbank otherwise',
    parse: parse.text,
    path: true,
  },
  publicPool: {
    name: 'public-pool',
    placeholder: 'CIDR',
    description: 'public IPv4 addresses of instances; this machine routes them to the instances',
    default: '198.18.0.0/16',
    parse: parse.ipv4Pool,
  },
  uplink: {
    name: 'uplink',
    placeholder: 'INTERFACE',
    description: 'lets instances reach the world through this network interface',
    default: 'none: nothing leaves this machine',
    parse: parse.interfaceName,
  },
  accel: {
    name: 'accel',
    placeholder: 'kvm|tcg',
    description: 'how processors are emulated',
    default: 'kvm where a test boot succeeds, else tcg',
    parse: parse.oneOf('kvm', 'tcg'),
  },
  imageCache: {
    name: 'image-cache',
    placeholder: 'DIR',
    description: 'where built and downloaded AMIs are kept',
    default: '/var/cache/fogbank/images for root, $XDG_CACHE_HOME/fogbank/images otherwise',
    parse: parse.text,
    path: true,
  },
  warm: {
    name: 'warm',
    placeholder: 'on|off',
    description: 'whether launches may continue from a frozen guest of their AMI instead of booting one',
    default: 'on',
    parse: parse.oneOf('on', 'off'),
    switch: { name: 'no-warm', value: 'off', description: 'every instance boots; no guests are frozen to start from' },
  },
  warmBudget: {
    name: 'warm-budget',
    placeholder: 'GIB',
    description: 'disk space that frozen guests may take together; the least recently used go first',
    default: '8',
    parse: parse.positive('GiB'),
  },
  memoryOvercommit: {
    name: 'memory-overcommit',
    placeholder: 'RATIO',
    description:
      'how many times over memory is promised to instances, from 1 (all of it is set aside) to 32; what instances use counts in any case',
    default: '2',
    parse: parse.between(1, 32),
  },
  pageSharing: {
    name: 'page-sharing',
    placeholder: 'on|off',
    description:
      'lets the kernel keep equal pages of guests once (KSM); a guest can then find out whether another one has a certain page',
    default: 'off',
    parse: parse.oneOf('on', 'off'),
  },
  volumeLimits: {
    name: 'volume-limits',
    placeholder: 'on|off',
    description: 'whether volumes are held to the IOPS and throughput of their type, as on EC2',
    default: 'on',
    parse: parse.oneOf('on', 'off'),
  },
  instanceCredentials: {
    name: 'instance-credentials',
    placeholder: 'SECONDS',
    description:
      'how long the credentials last that an instance gets of its role, from 360 to 43200; after a sixth of it, the instance is given new ones',
    default: '21600',
    parse: parse.between(360, 43_200),
  },
  region: {
    name: 'region',
    placeholder: 'REGION',
    description: 'the region that commands of this tool use; the server itself serves all of them',
    default: 'us-east-1',
    parse: parse.regionName,
  },
  accountId: {
    name: 'account-id',
    placeholder: 'ID',
    description: 'the account of the root access key; fixed at the first start',
    default: '000000000000',
    parse: parse.accountId,
  },
  rootAccessKeyId: {
    name: 'root-access-key-id',
    placeholder: 'ID',
    description: 'the root access key',
    default: 'made at the first start',
    parse: parse.accessKeyId,
    secret: true,
  },
  rootSecretAccessKey: {
    name: 'root-secret-access-key',
    placeholder: 'KEY',
    description: 'the secret of the root access key; given together with its id',
    default: 'made at the first start',
    parse: parse.secretAccessKey,
    secret: true,
  },
} as const satisfies Record<string, SettingSpec>;

export type SettingName = keyof typeof settings;

export const settingNames = Object.keys(settings) as SettingName[];

/** `FOGBANK_PUBLIC_POOL` of `public-pool`. */
export function environmentVariable(spec: SettingSpec): string {
  return `FOGBANK_${spec.name.toUpperCase().replaceAll('-', '_')}`;
}

/** The tables of `docs/configuration.md`, so that the page cannot differ from the program. */
export function settingsTable(): string {
  const rows = settingNames.map(name => {
    const spec: SettingSpec = settings[name];
    return `| ${flagOf(spec)} | \`${environmentVariable(spec)}\` | \`${spec.name}\` | ${spec.default} | ${spec.description} |`;
  });
  return ['| Flag | Variable | Key in the file | Default | Meaning |', '|---|---|---|---|---|', ...rows].join('\n');
}

function flagOf(spec: SettingSpec): string {
  if (spec.secret) return '–';
  if (spec.switch) return `\`--${spec.switch.name}\``;
  return `\`--${spec.name} ${spec.placeholder.replaceAll('|', '\\|')}\``;
}
