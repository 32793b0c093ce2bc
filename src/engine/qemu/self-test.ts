import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SELF_TEST_LINE, selfTestDisk } from './boot-sectors.ts';
import { QEMU } from './tools.ts';

export interface SelfTestResult {
  readonly works: boolean;
  /** What was seen, for people. */
  readonly detail: string;
}

/** A kernel that prints one of these has its processors, timers and interrupts working and starts its first process. */
const KERNEL_IS_UP = /Run \/\S+ as init process|Freeing unused kernel|Freeing unused decrypted|login: |Welcome to /;

const SECTOR_TIMEOUT_MS = 6_000;
const KERNEL_TIMEOUT_MS = 25_000;

/** Boots `disk` without a network and waits until `pattern` stands on its serial console. Milliseconds, or undefined. */
export async function bootsTo(
  disk: { readonly file: string; readonly format: 'raw' | 'qcow2' },
  pattern: RegExp,
  options: { readonly arguments: readonly string[]; readonly timeoutMs: number },
): Promise<number | undefined> {
  const started = performance.now();
  const file = disk.file.replaceAll(',', ',,');
  const child = spawn(
    QEMU,
    [
      ...['-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot', '-m', '256'],
      ...['-machine', 'q35,usb=off,smm=off', ...options.arguments],
      // What the guest writes lives in a temporary overlay; the file itself stays as it is.
      ...[
        '-drive',
        `file=${file},format=${disk.format},snapshot=on,if=none,id=disk`,
        '-device',
        'virtio-blk-pci,drive=disk',
      ],
      ...['-serial', 'stdio'],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const found = await new Promise<boolean>(resolve => {
    let text = '';
    const timer = setTimeout(() => resolve(false), options.timeoutMs);
    child.stdout.setEncoding('latin1').on('data', (chunk: string) => {
      text = (text + chunk).slice(-65_536);
      if (pattern.test(text)) resolve(true);
    });
    child.on('error', () => resolve(false));
    child.on('close', () => {
      clearTimeout(timer);
      resolve(false);
    });
  });
  child.kill('SIGKILL');
  return found ? performance.now() - started : undefined;
}

/**
 * Does a guest reach its serial console with these QEMU arguments? First a boot sector of our own (long mode, paging,
 * timer interrupts), then, where there is one, a stock Linux kernel, since that is what hangs where KVM is broken.
 */
export async function selfTest(options: {
  readonly arguments: readonly string[];
  readonly kernelDisk?: string | undefined;
}): Promise<SelfTestResult> {
  const folder = await mkdtemp(join(tmpdir(), 'fogbank-self-test-'));
  try {
    const file = join(folder, 'sector.raw');
    await writeFile(file, selfTestDisk());
    const sector = await bootsTo({ file, format: 'raw' }, new RegExp(SELF_TEST_LINE), {
      arguments: options.arguments,
      timeoutMs: SECTOR_TIMEOUT_MS,
    });
    if (sector === undefined) {
      return { works: false, detail: `KVM: a test guest did not reach its console in ${SECTOR_TIMEOUT_MS / 1000} s` };
    }
    if (!options.kernelDisk) return { works: true, detail: `KVM: a test guest ran in ${Math.round(sector)} ms` };
    const kernel = await bootsTo({ file: options.kernelDisk, format: 'qcow2' }, KERNEL_IS_UP, {
      arguments: options.arguments,
      timeoutMs: KERNEL_TIMEOUT_MS,
    });
    if (kernel === undefined) {
      return { works: false, detail: `KVM: a stock Linux kernel did not boot in ${KERNEL_TIMEOUT_MS / 1000} s` };
    }
    return { works: true, detail: `KVM: a stock Linux kernel booted in ${Math.round(kernel)} ms` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
