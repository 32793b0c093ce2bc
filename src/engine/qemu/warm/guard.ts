/**
 * Keeps a copy's QEMU from punching holes into the memory file that all copies share.
 *
 * A guest reports free pages and QEMU gives them back to the host: `fallocate(PUNCH_HOLE)` on the memory file, then
 * `madvise(MADV_DONTNEED)`. For a private mapping the second alone is right, and the first would take pages from all
 * other copies (QEMU's `ram_block_discard_range`, from 2.x to 10.x). A seccomp filter answers `fallocate` on that one
 * descriptor with success without doing it. The descriptor's number is not ours to choose; a caller verifies it
 * before the guest runs (`memoryDescriptor`), and starts again with the right one when it was another.
 * https://man7.org/linux/man-pages/man2/seccomp.2.html
 */
import { readdir, readlink } from 'node:fs/promises';

/** What installs the filter: Perl can make system calls by number, and Debian has it on every machine. */
export const PERL = 'perl';

/**
 * prctl(PR_SET_NO_NEW_PRIVS, 1), then seccomp(SECCOMP_SET_MODE_FILTER) with a BPF program: where the architecture is
 * x86_64, the call fallocate (285) and its first argument the descriptor, return 0 as SECCOMP_RET_ERRNO; else allow.
 */
const program = `
my $descriptor = shift @ARGV;
my @filter = (
  [0x20, 0, 0, 4], [0x15, 0, 5, 0xc000003e],
  [0x20, 0, 0, 0], [0x15, 0, 3, 285],
  [0x20, 0, 0, 16], [0x15, 0, 1, $descriptor],
  [0x06, 0, 0, 0x00050000], [0x06, 0, 0, 0x7fff0000],
);
my $code = join '', map { pack 'SCCL', @$_ } @filter;
my $program = pack 'Sx6P', scalar(@filter), $code;
syscall(157, 38, 1, 0, 0, 0) == 0 or die "no_new_privs: $!\\n";
syscall(317, 1, 0, $program) == 0 or die "seccomp: $!\\n";
exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\\n";
`;

/** A command that runs `command` so that `fallocate` on `descriptor` does nothing and succeeds. */
export function guarded(command: readonly string[], descriptor: number): string[] {
  return [PERL, '-e', program, String(descriptor), ...command];
}

/** Number of the descriptor under which a process has `file` open; undefined when it has not, or more than once. */
export async function memoryDescriptor(pid: number, file: string): Promise<number | undefined> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder);
  const targets = await Promise.all(names.map(name => readlink(`${folder}/${name}`).catch(() => '')));
  const found = names.filter((_, index) => targets[index] === file);
  return found.length === 1 ? Number(found[0]) : undefined;
}
