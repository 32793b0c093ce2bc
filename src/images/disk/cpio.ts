/** An entry of an initial RAM disk; everything belongs to root. */
export type CpioEntry =
  | { path: string; directory: true }
  | { path: string; link: string }
  | { path: string; content: Buffer; executable?: boolean };

/**
 * A cpio archive in the `newc` format that Linux unpacks into its initial RAM file system.
 * Inode numbers follow the order and there are no times, so equal entries give equal bytes.
 * @see https://docs.kernel.org/driver-api/early-userspace/buffer-format.html
 */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const parts: Buffer[] = [];
  let inode = 1;
  for (const entry of entries) {
    const content = 'content' in entry ? entry.content : 'link' in entry ? Buffer.from(entry.link) : Buffer.alloc(0);
    parts.push(...member(entry.path, modeOf(entry), inode, content));
    inode += 1;
  }
  parts.push(...member('TRAILER!!!', 0, 0, Buffer.alloc(0)));
  return Buffer.concat(parts);
}

function modeOf(entry: CpioEntry): number {
  if ('directory' in entry) return 0o040755;
  if ('link' in entry) return 0o120777;
  return 0o100000 | (entry.executable ? 0o755 : 0o644);
}

function member(path: string, mode: number, inode: number, content: Buffer): Buffer[] {
  const name = Buffer.from(`${path}\0`);
  const links = 1;
  const fields = [inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(
    `070701${fields.map(field => field.toString(16).toUpperCase().padStart(8, '0')).join('')}`,
  );
  const head = header.length + name.length;
  return [header, name, Buffer.alloc(padding(head)), content, Buffer.alloc(padding(content.length))];
}

/** Names and contents end at multiples of four bytes. */
const padding = (length: number): number => (4 - (length % 4)) % 4;
