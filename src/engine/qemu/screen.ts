import { constants, open, rm } from 'node:fs/promises';
import { EngineError, type Screen } from '../engine.ts';

/** More than any standard mode of QEMU's VGA (16 MiB of video memory). */
const MAX_BYTES = 64 * 1024 * 1024;

/** Reads a binary PPM ("P6", 8 bits a channel), as QEMU's `screendump` writes it. */
export function parsePpm(file: Uint8Array): Screen {
  const header = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(Buffer.from(file.subarray(0, 64)).toString('latin1'));
  if (!header) throw new EngineError('Failed', 'the picture of the screen has an unknown format');
  const width = Number(header[1]);
  const height = Number(header[2]);
  const rgb = file.subarray(header[0].length, header[0].length + width * height * 3);
  if (rgb.length < width * height * 3) throw new EngineError('Failed', 'the picture of the screen is incomplete');
  return { width, height, rgb };
}

/** Reads a picture that QEMU has just written to a folder of the machine's user, and deletes it. */
export async function takePicture(file: string): Promise<Screen> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const info = await handle.stat();
    if (!info.isFile() || info.size > MAX_BYTES) throw new EngineError('Failed', 'QEMU wrote no picture of the screen');
    return parsePpm(await handle.readFile());
  } finally {
    await handle.close();
    await rm(file, { force: true });
  }
}
