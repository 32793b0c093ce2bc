import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { output } from './process.ts';

const launcher = fileURLToPath(new URL('../../fogbank', import.meta.url));

/** Public addresses of test servers: one /24 each, so that two test files never route the same address. */
export const pools = {
  cli: '198.19.101.0/24',
  boto3: '198.19.102.0/24',
  /** On the simulator, which routes nothing: ranges of it can be brought. */
  boto3Network: '198.19.120.0/22',
  sdkJs: '198.19.103.0/24',
  terraform: '198.19.104.0/24',
  terraformNetwork: '198.19.109.0/24',
  micro: '198.19.105.0/24',
  debian: '198.19.106.0/24',
  fastStart: '198.19.107.0/24',
  hibernation: '198.19.108.0/24',
  access: '198.19.110.0/24',
  terraformIam: '198.19.111.0/24',
  instanceRole: '198.19.112.0/24',
  moving: '198.19.113.0/24',
  ipv6: '198.19.116.0/24',
  reachability: '198.19.115.0/24',
  images: '198.19.119.0/24',
  imageImport: '198.19.124.0/24',
  terraformImages: '198.19.125.0/24',
  terraformEbs: '198.19.117.0/24',
  boto3Volumes: '198.19.126.0/24',
  volumes: '198.19.99.0/24',
  terraformKms: '198.19.75.0/24',
  boto3Snapshots: '198.19.114.0/24',
  terraformSnapshots: '198.19.73.0/24',
  growing: '198.19.127.0/24',
  space: '198.19.72.0/24',
  encryption: '198.19.74.0/24',
  boto3Kms: '198.19.76.0/24',
  snapshots: '198.19.76.0/24',
} as const;

export interface TestServer {
  readonly url: string;
  readonly dataDir: string;
  /** An empty folder of this test, beside the data folder. */
  readonly folder: string;
  /** The environment of a client: this process's, with the variables of `fogbank env` and no other AWS settings. */
  readonly env: NodeJS.ProcessEnv;
  /** Runs a command of `fogbank` on this server's data folder and returns what it printed. */
  fogbank(command: string, ...words: string[]): Promise<string>;
  /** What the server has logged until now. */
  log(): string;
  /** `fogbank down`, then removes the folder. */
  stop(): Promise<void>;
}

/**
 * Starts `fogbank up` as a user does, on a data folder and a port of its own.
 * @throws Error with the server's log when it does not come up.
 */
export async function startServer(options: {
  engine: 'qemu' | 'simulator';
  publicPool: string;
  /** Further words of `fogbank up`. */
  words?: readonly string[];
}): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'fogbank-acceptance-'));
  const dataDir = join(folder, 'data');
  const common = ['--engine', options.engine, '--data', dataDir, '--public-pool', options.publicPool];
  const child = spawn(launcher, ['up', '--listen', '127.0.0.1:0', ...common, ...(options.words ?? [])], {
    env: cleanEnvironment(folder),
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const inside = { env: cleanEnvironment(folder), cwd: folder };
  let log = '';
  child.stderr.on('data', chunk => {
    log += chunk;
  });
  const stop = async (): Promise<void> => {
    try {
      await output(launcher, ['down', ...common], inside);
    } finally {
      child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    }
  };
  try {
    const url = await readyUrl(child, () => log);
    const variables = await output(launcher, ['env', '--json', '--data', dataDir], inside);
    return {
      url,
      dataDir,
      folder,
      env: { ...cleanEnvironment(folder), ...(JSON.parse(variables) as Record<string, string>) },
      fogbank: (command, ...words) => output(launcher, [command, '--data', dataDir, ...words], inside),
      log: () => log,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function readyUrl(child: ChildProcess, log: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', chunk => {
      text += chunk;
      const url = /^fogbank is ready on (\S+) in \d+ ms$/m.exec(text)?.[1];
      if (url !== undefined) resolve(url);
    });
    child.on('error', reject);
    child.on('exit', code => reject(new Error(`fogbank up ended with code ${code}\n${log()}`)));
  });
}

/**
 * The environment without what would lead a client elsewhere: the AWS settings and files of whoever runs the tests,
 * and a `fogbank.toml` of theirs.
 */
function cleanEnvironment(folder: string): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(AWS_|BOTO_|TF_VAR_|TF_LOG)/.test(name) && (!/^FOGBANK_/.test(name) || isAboutTheMachine(name)),
  );
  return {
    ...Object.fromEntries(kept),
    XDG_CONFIG_HOME: join(folder, 'config'),
    AWS_CONFIG_FILE: join(folder, 'no-config'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'no-credentials'),
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_PAGER: '',
  };
}

/** Where AMIs are and how processors are emulated is the machine's business, not the test's. */
function isAboutTheMachine(name: string): boolean {
  return name === 'FOGBANK_IMAGE_CACHE' || name === 'FOGBANK_ACCEL';
}
