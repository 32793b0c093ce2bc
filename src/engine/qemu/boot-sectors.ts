/**
 * Two guests of one sector each. Both were assembled from the 16-bit entry at 0x7c00 that a PC's firmware jumps to;
 * what they do, step by step, is in the comments, since the code itself is only bytes here.
 */

/** Firmware takes nothing for a disk that is smaller than a few tracks. */
const DISK_BYTES = 1024 * 1024;

function disk(code: string): Uint8Array {
  const bytes = new Uint8Array(DISK_BYTES);
  bytes.set(Buffer.from(code, 'hex'));
  bytes[510] = 0x55;
  bytes[511] = 0xaa;
  return bytes;
}

/** What `selfTestDisk` prints. */
export const SELF_TEST_LINE = 'the self-test reached its serial console';

/**
 * A disk whose boot sector makes page tables at 0x1000 (one 2 MiB page), sets CR4.PAE, CR3, EFER.LME and CR0.PG|PE,
 * jumps to 64-bit code, installs one interrupt gate at vector 0x20, starts the interrupt controller with only the
 * timer unmasked, halts until three ticks have come, executes CPUID, and prints `SELF_TEST_LINE` at 0x3f8.
 */
export function selfTestDisk(): Uint8Array {
  return disk(selfTestCode);
}

/**
 * A disk whose boot sector prints `test guest is up` at 0x3f8 and on the screen, enables the ACPI power button (PM1a
 * enable, 0x602) and then, at every timer tick, looks at the button and at the serial port: the button or `p` makes
 * it print `test guest powers off` and power off (PM1a control, 0x604); `r` resets through 0xcf9; `w` writes a sector
 * by BIOS call 0x13 and prints `written` or `write failed`; any other character is answered by `?`.
 */
export function testGuestDisk(): Uint8Array {
  return disk(testGuestCode);
}

const selfTestCode =
  'fa31c08ed88ec08ed0bc007cbf00106631c0b9000cfc66f3abc70600100320c70600200330c706003083000f20e06683c8200f22' +
  'e066b8001000000f22d866b9800000c00f32660d000100000f300f0116007d0f20c0660d010000800f22c0ea647c080066b81000' +
  '8ed88ed048c7c4007c0000b8dc7c0000bf0052000066890766c747020800c74704008e000048c74708000000000f011c25067d00' +
  '00b011e620b020e621b004e621b001e621b0fee62131dbfbf483fb0372fafa31c00fa2be107d000066bafd03eca82074f7ac84c0' +
  '740766baf803eeebebf4ebfdffc350b020e6205848cf66900000000000000000ffff0000009aaf00ffff00000092cf001700e87c' +
  '00001f0200500000000000007468652073656c662d746573742072656163686564206974732073657269616c20636f6e736f6c65' +
  '0d0a';

const testGuestCode =
  'fa31c08ed88ec08ed0bc007cfbbe987ce86300ba0206b80001eff4ba0006edf6c4017543bafd03eca80174eebaf803ec3c707433' +
  '3c7274273c777408bec47ce83400ebd6b80103b90500ba8000bb007ccd13beab7c7303beb57ce81900ebbbbaf90cb006eeebb3be' +
  'c87ce80900ba0406b80020efeba4fcac84c0741b88c3bafd03eca82074f888d8baf803eeb40e53bb0700cd105bebe0c374657374' +
  '2067756573742069732075700d0a007772697474656e0d0a007772697465206661696c65640d0a003f0d0a007465737420677565' +
  '737420706f77657273206f66660d0a';
