import { crc32, deflateSync } from 'node:zlib';
import { qrModules } from './qr-modules.ts';

/** Pixels that a module is wide, and modules of white around. */
const scale = 4;
const quiet = 4;

/** A text as a QR code in a PNG of black and white. @see https://www.w3.org/TR/png-3/ */
export function qrCodePng(text: string): Buffer {
  const modules = qrModules(text);
  const size = (modules.length + 2 * quiet) * scale;
  const rowLength = 1 + Math.ceil(size / 8);
  // One bit a pixel, 1 is white; each row begins with its filter, which is none.
  const rows = Buffer.alloc(rowLength * size, 0xff);
  for (let y = 0; y < size; y++) {
    rows[y * rowLength] = 0;
    const line = modules[Math.floor(y / scale) - quiet];
    for (let x = 0; line !== undefined && x < size; x++) {
      if (line[Math.floor(x / scale) - quiet] !== true) continue;
      const at = y * rowLength + 1 + (x >> 3);
      rows[at] = (rows[at] ?? 0) & ~(0x80 >> (x & 7));
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header[8] = 1;
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}
