import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dataExtents } from './extents.ts';
import { findPlaces, formsOf, freshIdentity, type Identity, templateIdentity, writeIdentity } from './tokens.ts';

const MIB = 1024 * 1024;

const template: Identity = {
  ...templateIdentity(),
  bootId: '11111111-2222-4333-8444-555555555555',
  machineId: '0123456789abcdef0123456789abcdef',
};

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fogbank-tokens-'));
  file = join(folder, 'ram');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A sparse file of 64 MiB with texts at offsets. */
async function memory(...contents: [offset: number, bytes: Buffer | string][]): Promise<void> {
  await writeFile(file, '');
  await truncate(file, 64 * MIB);
  const handle = await open(file, 'r+');
  for (const [offset, bytes] of contents) {
    const buffer = Buffer.from(bytes as string, 'latin1');
    await handle.write(typeof bytes === 'string' ? buffer : bytes, 0, bytes.length, offset);
  }
  await handle.close();
}

async function places() {
  const handle = await open(file);
  try {
    return await findPlaces(handle, await dataExtents(file), template);
  } finally {
    await handle.close();
  }
}

describe('an identity in memory', () => {
  test('of a template cannot be that of an instance, and has the length of one', () => {
    expect(template.instanceId).toMatch(/^i-w[0-9a-f]{16}$/);
    expect(template.instanceId).toHaveLength('i-0123456789abcdef0'.length);
    expect(template.uuid).toMatch(/^ec2[0-9a-f]{5}-/);
  });

  test('has forms of equal length for every identity', () => {
    const fresh = freshIdentity('i-0123456789abcdef0', 'ec2f0000-0000-4000-8000-000000000001', template);
    expect(formsOf(fresh).map(form => form.length)).toEqual(formsOf(template).map(form => form.length));
    expect(fresh.bootId).not.toBe(template.bootId);
    expect(fresh.machineId).toMatch(/^[0-9a-f]{32}$/);
    const { machineId: _none, ...withoutMachineId } = template;
    expect(freshIdentity('i-0123456789abcdef0', fresh.uuid, withoutMachineId).machineId).toBeUndefined();
  });

  test('stands in the firmware tables in their order of bytes', () => {
    const forms = formsOf({ ...template, uuid: '00112233-4455-6677-8899-aabbccddeeff' }).map(form =>
      form.toString('hex'),
    );
    expect(forms).toContain('33221100554477668899aabbccddeeff');
    expect(forms).toContain('00112233445566778899aabbccddeeff');
  });

  test('is found wherever it stands, also across the borders of what is read at once, and once for each place', async () => {
    const forms = formsOf(template);
    await memory(
      [100, template.instanceId],
      [4 * MIB - 5, template.bootId],
      [8 * MIB, forms.at(-1) ?? ''],
      [60 * MIB + 1, template.uuid],
    );
    const found = (await places()).map(({ form, offset }) => `${forms[form]?.toString('hex')} ${offset}`);
    const hex = (text: string) => Buffer.from(text, 'latin1').toString('hex');
    expect(found.sort()).toEqual(
      [
        `${hex(template.instanceId)} 100`,
        `${hex(template.bootId)} ${4 * MIB - 5}`,
        `${forms.at(-1)?.toString('hex')} ${8 * MIB}`,
        `${hex(template.uuid)} ${60 * MIB + 1}`,
      ].sort(),
    );
  });

  test('is exchanged in a process that maps the file privately, and nowhere else', async () => {
    await memory([4096, `<${template.instanceId}>`], [20 * MIB, `<${template.bootId}>`]);
    const before = await readFile(file);
    const child = mapper();
    try {
      const [first] = await once(child.stdout ?? child, 'data');
      expect(String(first)).toContain('mapped');
      const fresh = freshIdentity('i-0123456789abcdef0', 'ec2f0000-0000-4000-8000-000000000001', template);
      await writeIdentity(child.pid ?? 0, file, await places(), fresh);
      child.stdin?.end('\n');
      const [second] = await once(child.stdout ?? child, 'data');
      expect(String(second)).toBe(`<${fresh.instanceId}> <${fresh.bootId}>\n`);
    } finally {
      child.kill('SIGKILL');
    }
    expect((await readFile(file)).equals(before)).toBe(true);
  });

  test('cannot be written into a process that has not mapped the file', async () => {
    await memory([0, template.instanceId]);
    await expect(writeIdentity(process.pid, file, await places(), template)).rejects.toThrow(/not mapped/);
  });
});

/** Maps the file as QEMU does, says so, and at the next line prints what it sees. */
function mapper(): ChildProcess {
  const program = `
    my ($file, $size) = @ARGV;
    open my $handle, '+<', $file or die $!;
    my $address = syscall 9, 0, $size + 0, 3, 2, fileno($handle), 0;
    $| = 1;
    print "mapped\\n";
    <STDIN>;
    my $at = sub { unpack 'P' . $_[1], pack 'Q', $address + $_[0] };
    print $at->(4096, 21), ' ', $at->(20 * 1048576, 38), "\\n";
  `;
  return spawn('perl', ['-e', program, file, String(64 * MIB)], { stdio: ['pipe', 'pipe', 'inherit'] });
}
