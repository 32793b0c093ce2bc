import { execFileSync, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

/**
 * The launcher in a checkout of its own, whose npm is a script that writes down how it was called and makes what the
 * real one would make: so no registry is asked, and what is installed when can be seen.
 */
const launcher = fileURLToPath(new URL('../../fogbank', import.meta.url));
let folder: string;
let checkout: string;
let bin: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fogbank launcher '));
  checkout = join(folder, 'check out');
  bin = join(folder, 'bin');
  mkdirSync(join(checkout, 'src/cli'), { recursive: true });
  mkdirSync(bin);
  copyFileSync(launcher, join(checkout, 'fogbank'));
  writeFileSync(join(checkout, 'package.json'), '{"name":"x"}');
  writeFileSync(join(checkout, 'package-lock.json'), '{"lock":1}');
  writeFileSync(
    join(checkout, 'src/cli/main.ts'),
    'const words: string[] = process.argv.slice(2);\nconsole.log(JSON.stringify(words));\n',
  );
  script('node', `exec '${process.execPath}' "$@"`);
  npm('mkdir -p node_modules && touch node_modules/.package-lock.json && cp package-lock.json node_modules/from');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function script(name: string, body: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`);
  chmodSync(join(bin, name), 0o755);
}

/** `npm ci` runs `body` in its folder; `npm ls` finds fault, so that nothing is taken for installed by hand. */
function npm(body: string): void {
  script('npm', `echo "$*" >> '${folder}/npm.log'\ncase $1 in ls) exit 1;; esac\n${body}`);
}

const calls = (): string[] =>
  existsSync(join(folder, 'npm.log')) ? readFileSync(join(folder, 'npm.log'), 'utf8').trim().split('\n') : [];

function run(
  words: string[],
  options: { cwd?: string; file?: string; shell?: string; path?: string } = {},
): SpawnSyncReturns<string> {
  const file = options.file ?? join(checkout, 'fogbank');
  const env = { PATH: options.path ?? `${bin}:/usr/bin:/bin`, HOME: folder };
  const [program, before] = options.shell === undefined ? [file, []] : [options.shell, [file]];
  return spawnSync(program, [...before, ...words], { encoding: 'utf8', cwd: options.cwd ?? '/', env });
}

test('words arrive as they were given, from any folder and through symbolic links', () => {
  mkdirSync(join(folder, 'links'));
  symlinkSync('../check out/fogbank', join(folder, 'links/second'));
  symlinkSync(join(folder, 'links/second'), join(folder, 'first'));
  const words = ['env', 'a b', '', '*', '$HOME', '--x=y'];
  for (const file of [join(checkout, 'fogbank'), join(folder, 'first'), join(folder, 'links/second')]) {
    const result = run(words, { file, cwd: folder });
    expect(result.stderr.replace(/fogbank: installing npm packages \(once\)\n/, '')).toBe('');
    expect(JSON.parse(result.stdout)).toEqual(words);
  }
  expect(JSON.parse(run(words, { file: './fogbank', cwd: checkout }).stdout)).toEqual(words);
});

describe('npm packages', () => {
  test('are installed once', () => {
    expect(run(['env']).status).toBe(0);
    expect(run(['env']).stderr).toBe('');
    expect(calls()).toHaveLength(1);
    expect(calls()[0]).toContain('ci --omit=dev --ignore-scripts');
  });

  test('for tests, those for development too; and then they do for everything', () => {
    run(['up']);
    run(['test']);
    run(['up']);
    expect(calls().map(call => call.includes('--omit=dev'))).toEqual([true, false]);
  });

  test('are installed anew when the lock file has changed', () => {
    run(['env']);
    writeFileSync(join(checkout, 'package-lock.json'), '{"lock":2}');
    run(['env']);
    expect(calls().filter(call => call.startsWith('ci'))).toHaveLength(2);
    expect(readFileSync(join(checkout, 'node_modules/from'), 'utf8')).toBe('{"lock":2}');
  });

  test('are not needed for help', () => {
    for (const words of [[], ['--help'], ['help', 'up'], ['--version']]) expect(run(words).status).toBe(0);
    expect(calls()).toEqual([]);
  });

  test('that were installed by hand are taken as they are', () => {
    mkdirSync(join(checkout, 'node_modules'));
    writeFileSync(join(checkout, 'node_modules/.package-lock.json'), '{}');
    script('npm', `echo "$*" >> '${folder}/npm.log'`);
    run(['env']);
    run(['env']);
    expect(calls()).toEqual(['ls --omit=dev']);
  });

  test('a failure changes nothing and says so', () => {
    run(['env']);
    writeFileSync(join(checkout, 'package-lock.json'), '{"lock":2}');
    npm('mkdir -p node_modules; echo no network >&2; exit 1');
    const result = run(['env']);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('no network');
    expect(result.stderr).toContain('could not install the packages');
    expect(readFileSync(join(checkout, 'node_modules/from'), 'utf8')).toBe('{"lock":1}');
    expect(readdirSync(join(checkout, '.node'))).toEqual(expect.not.arrayContaining(['lock', 'staging']));
  });

  test('Ctrl-C in the middle leaves what was there, and the next run mends it', async () => {
    npm(`mkdir -p node_modules; touch '${folder}/begun'; sleep 20`);
    const child = spawn(join(checkout, 'fogbank'), ['env'], {
      env: { PATH: `${bin}:/usr/bin:/bin` },
      stdio: 'ignore',
      detached: true,
    });
    while (!existsSync(join(folder, 'begun'))) await new Promise(resolve => setTimeout(resolve, 20));
    const ended = new Promise(resolve => child.on('exit', resolve));
    // A terminal sends it to the whole group.
    process.kill(-(child.pid ?? 0), 'SIGINT');
    await ended;
    expect(existsSync(join(checkout, 'node_modules'))).toBe(false);
    npm('mkdir -p node_modules');
    expect(run(['env']).status).toBe(0);
  });

  test('two launchers at once install once', async () => {
    npm('sleep 0.5; mkdir -p node_modules');
    const env = { PATH: `${bin}:/usr/bin:/bin` };
    const both = [1, 2].map(
      () =>
        new Promise(resolve =>
          spawn(join(checkout, 'fogbank'), ['env'], { env, stdio: 'ignore' }).on('exit', code => resolve(code)),
        ),
    );
    expect(await Promise.all(both)).toEqual([0, 0]);
    expect(calls().filter(call => call.startsWith('ci'))).toHaveLength(1);
  });

  test('a lock whose owner was killed is taken over', () => {
    mkdirSync(join(checkout, '.node/lock'), { recursive: true });
    writeFileSync(join(checkout, '.node/lock/pid'), '4194300');
    expect(run(['env']).status).toBe(0);
  });
});

describe('Node', () => {
  test('that is too old is not used: one of our own is installed beside it', () => {
    script('node', 'echo v18.20.4');
    const platform = process.arch === 'arm64' ? 'linux-arm64' : 'linux-x64';
    // Called with --prefix DIR for Node and its npm, and by that npm in the folder itself for the packages.
    const modules = '"$3/node_modules/';
    npm(`[ "$1" = install ] || exit 1
      mkdir -p ${modules}node-${platform}/bin" ${modules}npm/bin"
      ln -s '${process.execPath}' ${modules}node-${platform}/bin/node"
      echo "require('node:fs').mkdirSync('node_modules'); console.error(process.argv.slice(2).join(' '))" > ${modules}npm/bin/npm-cli.js"`);
    const result = run(['env', 'x']);
    expect(result.stderr).toContain('installing Node');
    expect(result.stderr).toContain('ci --omit=dev');
    expect(JSON.parse(result.stdout)).toEqual(['env', 'x']);
    expect(run(['env']).stderr).toBe('');
    expect(calls()[0]).toMatch(/^install --prefix .* --ignore-scripts .*node-linux-\w+@26\.\S+ npm@\d/);
    expect(calls()).toHaveLength(1);
  });

  test.skipIf(process.getuid?.() === 0)('without npm and without rights, the message names what to install', () => {
    rmSync(join(bin, 'npm'));
    script('node', 'echo v18.20.4');
    const tools = join(folder, 'tools');
    mkdirSync(tools);
    for (const name of ['sh', 'dirname', 'readlink', 'uname', 'id', 'mkdir', 'cat', 'rm', 'tail', 'env']) {
      symlinkSync(
        execFileSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim(),
        join(tools, name),
      );
    }
    const result = run(['env'], { path: `${bin}:${tools}` });
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('As root: apt-get install npm');
  });
});

test('the script is POSIX: every shell at hand parses and runs it', () => {
  const shells = ['/bin/sh', '/usr/bin/dash', '/bin/bash', '/usr/bin/busybox'].filter(existsSync);
  for (const shell of shells) {
    const words = shell.endsWith('busybox') ? ['sh'] : [];
    const result = spawnSync(shell, [...words, join(checkout, 'fogbank'), 'help'], {
      encoding: 'utf8',
      env: { PATH: `${bin}:/usr/bin:/bin` },
    });
    expect(result.stderr + result.stdout, shell).toBe('["help"]\n');
  }
});

const shellcheck = ['/usr/bin/shellcheck', '/usr/local/bin/shellcheck'].find(existsSync);
test.skipIf(shellcheck === undefined)('shellcheck finds nothing', () => {
  const ci = join(dirname(launcher), '.ci/run');
  for (const words of [['-s', 'sh', launcher], [ci]]) {
    expect(spawnSync(shellcheck ?? '', words, { encoding: 'utf8' }).stdout).toBe('');
  }
});
