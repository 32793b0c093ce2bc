import { type DiskKey, EngineError } from '../../engine.ts';
import { isObject } from '../qmp.ts';
import { chainNode, SOURCE_SECRET } from './convert.ts';
import { qemuImg } from './qemu-img.ts';
import type { DiskStore } from './store.ts';

/** A part of a disk, in bytes. */
export interface Extent {
  readonly start: number;
  readonly length: number;
  /** In which file of the chain it is, counted from the top. */
  readonly depth: number;
  /** False where no file of the chain says anything of it. */
  readonly present: boolean;
  /** All of it is known to be zeros. */
  readonly zero: boolean;
}

/** What a chain of files, from the top, has where. */
export async function mapChain(
  store: DiskStore,
  files: readonly string[],
  key: DiskKey | undefined,
): Promise<Extent[]> {
  const node = JSON.stringify(chainNode(files, key));
  const printed = await qemuImg(store, 'map', ['--output=json', `json:${node}`], { keys: { [SOURCE_SECRET]: key } });
  const list: unknown = JSON.parse(printed);
  if (!Array.isArray(list)) throw new EngineError('Failed', 'qemu-img map printed something else');
  return list.filter(isObject).map(({ start, length, depth, present, zero }) => ({
    start: Number(start),
    length: Number(length),
    depth: Number(depth),
    present: present === true,
    zero: zero === true,
  }));
}
