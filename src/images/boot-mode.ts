/** GUIDs of partition types as they lie on the disk. */
const EFI_SYSTEM = '28732ac11ff8d211ba4b00a0c93ec93b';
const BIOS_BOOT = '4861682149646f6e744e656564454649';

/**
 * How a disk boots, by its first blocks: in UEFI mode alone when it has an EFI system partition and nothing that a BIOS
 * could start.
 * @param first the disk's first 17 KiB or more
 * @see https://uefi.org/specs/UEFI/2.10/05_GUID_Partition_Table_Format.html
 */
export function detectBootMode(first: Buffer): 'legacy-bios' | 'uefi' {
  if (first.length < 1024 || first.toString('latin1', 512, 520) !== 'EFI PART') return 'legacy-bios';
  const start = Number(first.readBigUInt64LE(512 + 72)) * 512;
  const count = Math.min(first.readUInt32LE(512 + 80), 128);
  const size = first.readUInt32LE(512 + 84);
  const types = new Set<string>();
  for (let index = 0; index < count; index++) {
    const offset = start + index * size;
    if (offset + 16 > first.length) break;
    types.add(first.toString('hex', offset, offset + 16));
  }
  const bootCode = first.subarray(0, 440).some(byte => byte !== 0);
  return types.has(EFI_SYSTEM) && !types.has(BIOS_BOOT) && !bootCode ? 'uefi' : 'legacy-bios';
}
