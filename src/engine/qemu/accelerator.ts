import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { EngineError } from '../engine.ts';
import { isObject } from './qmp.ts';
import { type SelfTestResult, selfTest } from './self-test.ts';
import { qemuVersion } from './tools.ts';

/** How processors run: by the hardware (`kvm`) or emulated (`tcg`). */
export interface Accelerator {
  readonly name: 'kvm' | 'tcg';
  /** QEMU's arguments for accelerator and processor model. */
  readonly arguments: string[];
  /** Why this one, for people. */
  readonly reason: string;
}

export interface AcceleratorOptions {
  /** Where the self-test's result is kept, so that it is made once for each kernel, QEMU and processor. */
  readonly cacheDir: string;
  /** `kvm` or `tcg` without any test; `FOGBANK_ACCEL` when not given. */
  readonly override?: string | undefined;
  /** A bootable disk with a stock Linux kernel, if one is at hand: the test that counts. Never written to. */
  readonly kernelDisk?: string | (() => Promise<string | undefined>) | undefined;
  /** Test again even when a result is kept. */
  readonly force?: boolean;
  /** For tests: where the kernel lists its modules, and what boots the test guests. */
  readonly modulesDir?: string;
  readonly test?: (kernelDisk: string | undefined) => Promise<SelfTestResult>;
}

/**
 * The translation cache is bounded: QEMU's own default takes up to 1 GiB of host memory for each machine. It lies in a
 * file (`split-wx`), from which what is forgotten can be given back (`translations.ts`).
 */
export const TCG_CACHE_MIB = 192;

/**
 * Left out of `max`: five-level paging, since a guest that sees it uses it, and every emulated page walk gets longer; and
 * fast string instructions, since they are not: emulated, they copy byte by byte where a guest would else take words.
 */
const argumentsOf = {
  kvm: ['-accel', 'kvm', '-cpu', 'host', '-global', 'kvm-pit.lost_tick_policy=discard'],
  tcg: ['-accel', `tcg,thread=multi,split-wx=on,tb-size=${TCG_CACHE_MIB}`, '-cpu', 'max,la57=off,erms=off'],
} as const;

function accelerator(name: Accelerator['name'], reason: string): Accelerator {
  return { name, arguments: [...argumentsOf[name]], reason };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Decides how machines run here. `kvm` needs the vendor's module (`kvm_intel` or `kvm_amd`), a usable `/dev/kvm` and a
 * test guest that reached its serial console: there are machines whose `/dev/kvm` opens and then hangs every stock
 * kernel, and QEMU's own fallback (`-accel kvm -accel tcg`) does not notice.
 * @throws EngineError `Invalid` when the override is neither `kvm` nor `tcg`.
 */
export async function chooseAccelerator(options: AcceleratorOptions): Promise<Accelerator> {
  const override = options.override ?? process.env.FOGBANK_ACCEL;
  if (override !== undefined && override !== '') {
    if (override !== 'kvm' && override !== 'tcg') {
      throw new EngineError('Invalid', `accel must be kvm or tcg, not ${JSON.stringify(override)}`);
    }
    return accelerator(override, 'chosen by configuration');
  }
  if (process.arch !== 'x64')
    return accelerator('tcg', 'the processor is not x86_64, so KVM cannot run x86_64 machines');
  const modules = options.modulesDir ?? '/sys/module';
  const vendor = (await exists(join(modules, 'kvm_intel'))) || (await exists(join(modules, 'kvm_amd')));
  if (!vendor) return accelerator('tcg', 'the kernel has neither kvm_intel nor kvm_amd loaded');
  if (!(await exists('/dev/kvm')) && !options.test) return accelerator('tcg', 'there is no /dev/kvm');
  const result = await cachedTest(options);
  return accelerator(result.works ? 'kvm' : 'tcg', result.detail);
}

/** The result of the self-test from the cache, or a new one. A changed kernel, QEMU or processor is another key. */
async function cachedTest(options: AcceleratorOptions): Promise<SelfTestResult> {
  const disk = typeof options.kernelDisk === 'function' ? await options.kernelDisk() : options.kernelDisk;
  const facts = [release(), await qemuVersion(), cpus()[0]?.model, disk ? 'linux' : 'sector'];
  const key = createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16);
  const file = join(options.cacheDir, 'kvm-self-test.json');
  if (!options.force) {
    const kept: unknown = await readFile(file, 'utf8')
      .then(JSON.parse)
      .catch(() => undefined);
    if (isObject(kept) && kept.key === key && typeof kept.works === 'boolean' && typeof kept.detail === 'string') {
      return { works: kept.works, detail: kept.detail };
    }
  }
  const test = options.test ?? (kernelDisk => selfTest({ arguments: argumentsOf.kvm, kernelDisk }));
  const result = await test(disk);
  await mkdir(options.cacheDir, { recursive: true });
  await writeFile(`${file}.${process.pid}`, `${JSON.stringify({ key, ...result })}\n`);
  await rename(`${file}.${process.pid}`, file);
  return result;
}
