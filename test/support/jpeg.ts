/** Width and height in a baseline JPEG file. @throws Error when the bytes are none. */
export function jpegSize(bytes: Buffer): { width: number; height: number } {
  const marker = (at: number) => bytes.subarray(at, at + 2).toString('hex');
  if (marker(0) !== 'ffd8' || marker(bytes.length - 2) !== 'ffd9') throw new Error('this is not a JPEG file');
  // Segments follow each other by their lengths, up to the frame header.
  let at = 2;
  while (marker(at) !== 'ffc0') {
    if (bytes[at] !== 0xff || at + 9 > bytes.length) throw new Error(`no frame header in this JPEG file`);
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
}
