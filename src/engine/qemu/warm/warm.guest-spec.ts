import type { MachineSpec } from '../../engine.ts';

/** A machine of the AMI `micro` on its own volume, without a network: enough to boot, to freeze and to copy. */
export function fastMachine(instanceId: string, changes: Partial<MachineSpec> = {}): MachineSpec {
  return {
    instanceId,
    instanceType: 't3.nano',
    vcpus: 2,
    memoryMib: 512,
    architecture: 'x86_64',
    uuid: `ec2f0000-0000-4000-8000-${instanceId.slice(-12)}`,
    bootMode: 'legacy-bios',
    disks: [{ volumeId: instanceId.replace('i-', 'vol-'), device: '/dev/xvda', root: true }],
    nics: [],
    fastStart: true,
    ...changes,
  };
}
