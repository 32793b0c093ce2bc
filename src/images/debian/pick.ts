import { execFile } from 'node:child_process';
import { chmod, copyFile, lstat, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ImageError } from '../types.ts';

/** A tree of unpacked packages may still have /bin beside /usr/bin; what is picked always goes below /usr. */
const merged = (path: string): string => path.replace(/^\/(bin|sbin|lib|lib64)\//, '/usr/$1/');

/**
 * Copies programs and the shared libraries that they need from a tree of unpacked packages into another tree.
 * @param programs absolute paths in the package tree; `from → to` copies under another name.
 */
export async function pickPrograms(packages: string, tree: string, programs: readonly string[]): Promise<void> {
  const libraries = new Set<string>();
  for (const program of programs) {
    const [from = '', to = from] = program.split(' → ');
    await pickFile(packages, from, tree, merged(to));
    for (const library of await neededLibraries(packages, from)) libraries.add(library);
  }
  for (const library of libraries) await pickFile(packages, library, tree, merged(library));
}

/** Copies a file (following links inside the tree) with its mode, set-user-id bits included. */
export async function pickFile(packages: string, from: string, tree: string, to: string): Promise<void> {
  const source = await resolveInside(packages, from);
  const target = join(tree, to);
  await mkdir(dirname(target), { recursive: true });
  await copyFile(source, target);
  await chmod(target, (await lstat(source)).mode & 0o7777);
}

/** Copies a directory with everything in it; links stay links. */
export async function pickTree(
  from: string,
  to: string,
  wanted: (name: string) => boolean = () => true,
): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) await pickTree(source, target, wanted);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else if (wanted(entry.name)) {
      await copyFile(source, target);
      await chmod(target, (await lstat(source)).mode & 0o7777);
    }
  }
}

/** The dynamic loader says itself what it would load, from inside the tree. */
async function neededLibraries(packages: string, program: string): Promise<string[]> {
  const loader = '/lib64/ld-linux-x86-64.so.2';
  try {
    const { stdout } = await promisify(execFile)('chroot', [packages, loader, '--list', program], {
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
    });
    const found: string[] = [];
    for (const match of stdout.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)) if (match[1]) found.push(match[1]);
    return [...new Set([loader, ...found])];
  } catch (error) {
    if (isStatic(error)) return [];
    throw new ImageError(`cannot find the libraries of ${program}`, { cause: error });
  }
}

const isStatic = (error: unknown): boolean =>
  error instanceof Error && 'stderr' in error && /not a dynamic|cannot be|statically/i.test(String(error.stderr));

async function resolveInside(root: string, path: string): Promise<string> {
  let current = path;
  for (let depth = 0; depth < 20; depth += 1) {
    const full = join(root, current);
    const info = await lstat(full).catch(() => undefined);
    if (!info) throw new ImageError(`the packages do not contain ${path}`);
    if (!info.isSymbolicLink()) return full;
    const link = await readlink(full);
    current = link.startsWith('/') ? link : join(dirname(current), link);
  }
  throw new ImageError(`too many links at ${path}`);
}
