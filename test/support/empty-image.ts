import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Makes an image cache with one AMI. The simulator never opens a disk, so a manifest and an empty file will do. */
export function writeEmptyImage(directory: string): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'empty.qcow2'), '');
  const manifest = {
    name: 'empty',
    family: 'micro',
    description: 'An empty disk',
    architecture: 'x86_64',
    loginUser: 'ec2-user',
    rootDeviceName: '/dev/xvda',
    bootMode: 'legacy-bios',
    sizeGib: 1,
    ssmAliases: [],
    recipe: '0'.repeat(64),
    file: 'empty.qcow2',
    sha256: '0'.repeat(64),
  };
  writeFileSync(join(directory, 'empty.json'), JSON.stringify(manifest));
}
