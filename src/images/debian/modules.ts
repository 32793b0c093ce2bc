import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ImageError } from '../types.ts';

/**
 * Kernel modules in the order in which they must be loaded, dependencies first, each once.
 * @param dependencies content of `modules.dep`.
 * @param wanted module names as `virtio_blk`; a name that the kernel has built in is left out.
 * @returns paths relative to /lib/modules/VERSION.
 */
export function loadOrder(dependencies: string, builtin: string, wanted: readonly string[]): string[] {
  const needs = new Map<string, { path: string; after: string[] }>();
  for (const line of dependencies.split('\n')) {
    const [path, rest = ''] = line.split(':');
    if (path) needs.set(moduleName(path), { path, after: rest.trim().split(/\s+/).filter(Boolean) });
  }
  const inKernel = new Set(builtin.split('\n').map(moduleName));
  const order: string[] = [];
  const add = (name: string): void => {
    const module = needs.get(name);
    if (!module) {
      if (inKernel.has(name)) return;
      throw new ImageError(`the kernel has no module ${name}`);
    }
    // modules.dep names the nearest dependency first, its own dependencies after it.
    for (const path of module.after.toReversed()) add(moduleName(path));
    if (!order.includes(module.path)) order.push(module.path);
  };
  for (const name of wanted) add(name.replaceAll('-', '_'));
  return order;
}

/** @param modules the directory /lib/modules/VERSION of a tree in which depmod has run. */
export async function loadOrderIn(modules: string, wanted: readonly string[]): Promise<string[]> {
  const dependencies = await readFile(join(modules, 'modules.dep'), 'utf8');
  return loadOrder(dependencies, await readFile(join(modules, 'modules.builtin'), 'utf8'), wanted);
}

const moduleName = (path: string): string =>
  (path.split('/').pop() ?? '').replace(/\.ko(\.\w+)?$/, '').replaceAll('-', '_');
