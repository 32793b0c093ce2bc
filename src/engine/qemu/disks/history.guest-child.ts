/**
 * The server that `history.guest.test.ts` kills: does what it is told, one line of JSON after the other, with disks and
 * one machine as the engine has them. What a guest would write is written through the machine's own QEMU.
 */
import { createInterface } from 'node:readline';
import type { DiskKey, MachineSpec, SnapshotCut } from '../../engine.ts';
import { chooseAccelerator } from '../accelerator.ts';
import { Cgroups } from '../cgroup.ts';
import { commandLine } from '../command-line.ts';
import { createDisks } from '../disks.ts';
import { Machine } from '../machine.ts';
import { encryptedVolumes, type MachineContext } from '../machine-context.ts';
import { createMachines } from '../machines.ts';
import { dataDirHash } from '../names.ts';
import { findMachineProcesses } from '../process.ts';
import { Turns } from '../turns.ts';
import { machineUser } from '../user.ts';

/** A volume or snapshot with its key as hexadecimal text. */
interface Keyed {
  readonly id: string;
  readonly key?: string;
}

export type Command =
  | { op: 'snapshotFromFile'; id: string; file: string }
  | { op: 'volume'; volume: Keyed; sizeGib: number; snapshot?: Keyed }
  | { op: 'start'; root: string; volumes: Keyed[] }
  | { op: 'attach'; volume: Keyed }
  | { op: 'detach'; id: string; force: boolean }
  | { op: 'stop' }
  | { op: 'io'; id: string; command: string }
  | { op: 'grow'; volume: Keyed; sizeGib: number }
  | { op: 'cut'; cuts: { snapshot: string; volume: Keyed }[] }
  | { op: 'copy'; from: Keyed; to: Keyed }
  | { op: 'remove'; id: string }
  | { op: 'read'; snapshot: Keyed; blocks: number[] };

const [dataDir = '', instanceId = ''] = process.argv.slice(2);
const user = await machineUser();
const disks = createDisks(dataDir, user);
const accelerator = await chooseAccelerator({ cacheDir: dataDir, override: 'tcg' });
const context: MachineContext = {
  dataDir,
  user,
  groups: [],
  cgroups: await Cgroups.open(dataDirHash(dataDir)),
  arguments: async (spec, start) =>
    commandLine(spec, { accelerator, images: start.images, encrypted: encryptedVolumes(start) }),
  withImages: (wanted, work) => disks.withImages(wanted, work),
  excluding: (volumeIds, work) => disks.excluding(volumeIds, work),
  takeAway: (volumeId, id) => disks.takeAway(volumeId, id),
  prepare: async () => {},
  warm: undefined,
  turns: new Turns(),
  layBack: volumeId => disks.layBack(volumeId),
  layOverWarm: (volumeId, warmId) => disks.layOverWarm(volumeId, warmId),
  admit: () => {},
  changed: () => {},
  log: line => console.error(line),
};
// Makes the folders; the machine itself is ours, so that its QEMU can be asked to write.
const machines = createMachines(context);
await disks.open();
await machines.open();
await machines.close();
const machine = new Machine(instanceId, context);
disks.setHosts(volumeId => (machine.mayHave(volumeId) ? machine.disks : undefined));
await machine.adopt((await findMachineProcesses(dataDir)).get(instanceId));

const keyOf = ({ key }: { key?: string }): { key: DiskKey } | object => (key ? { key: Buffer.from(key, 'hex') } : {});

async function perform(command: Command): Promise<unknown> {
  switch (command.op) {
    case 'snapshotFromFile':
      return disks.ensureSnapshotFromFile(command.id, command.file);
    case 'volume': {
      const { volume, snapshot, sizeGib } = command;
      const snapshotKey = snapshot?.key ? { snapshotKey: Buffer.from(snapshot.key, 'hex') } : {};
      const from = snapshot ? { snapshotId: snapshot.id, ...snapshotKey } : {};
      return disks.ensureVolume(volume.id, { sizeGib, ...from, ...keyOf(volume) });
    }
    case 'start': {
      const volumes = [{ id: command.root }, ...command.volumes];
      const keys = new Map(command.volumes.flatMap(({ id, key }) => (key ? [[id, Buffer.from(key, 'hex')]] : [])));
      return disks.withImages(
        volumes.map(volume => ({ volumeId: volume.id })),
        images => machine.start(specOf(volumes), { images, keys }),
      );
    }
    case 'attach':
      return disks.withImages([{ volumeId: command.volume.id }], async images => {
        const image = images.get(command.volume.id);
        if (image)
          await machine.disks.attach({ attachment: attachmentOf(command.volume.id), image, ...keyOf(command.volume) });
      });
    case 'detach':
      return disks.excluding([command.id], () => machine.disks.detach(command.id, command.force));
    case 'stop':
      return machine.powerOff();
    case 'io':
      return io(command.id, command.command);
    case 'grow':
      return disks.ensureVolumeSize(command.volume.id, command.sizeGib, ...Object.values(keyOf(command.volume)));
    case 'cut':
      return disks.ensureSnapshots(
        command.cuts.map(
          ({ snapshot, volume }): SnapshotCut => ({ snapshotId: snapshot, volumeId: volume.id, ...keyOf(volume) }),
        ),
      );
    case 'copy':
      return disks.ensureSnapshotCopy(
        command.to.id,
        { snapshotId: command.from.id, ...keyOf(command.from) },
        keyOf(command.to),
      );
    case 'remove':
      return command.id.startsWith('vol-') ? disks.removeVolume(command.id) : disks.removeSnapshot(command.id);
    case 'read':
      return read(command.snapshot, command.blocks);
  }
}

function attachmentOf(volumeId: string) {
  return { volumeId, device: '/dev/sdf', root: false };
}

function specOf([root, ...data]: { id: string }[]): MachineSpec {
  return {
    instanceId,
    instanceType: 't3.nano',
    vcpus: 1,
    memoryMib: 64,
    architecture: 'x86_64',
    uuid: 'ec2f0000-0000-4000-8000-000000000001',
    bootMode: 'legacy-bios',
    disks: [
      ...(root ? [{ volumeId: root.id, device: '/dev/xvda', root: true }] : []),
      ...data.map(({ id }) => attachmentOf(id)),
    ],
    nics: [],
  };
}

/** A command of qemu-io on the disk that the guest has, then a flush. */
async function io(volumeId: string, command: string): Promise<string> {
  const answers = await machine.ask('disks', async qmp => {
    const run = (line: string) =>
      qmp.execute('human-monitor-command', {
        'command-line': `qemu-io -d /machine/peripheral/${volumeId.replace('-', '')}/virtio-backend "${line}"`,
      });
    return `${await run(command)}${command.startsWith('read') ? '' : await run('flush')}`;
  });
  if (answers === undefined) throw new Error('the machine does not run');
  const failed = answers.match(/.*(?:failed|[Ee]rror|invalid|No such|not found).*/);
  if (failed) throw new Error(failed[0]);
  return answers;
}

async function read(snapshot: Keyed, blocks: readonly number[]): Promise<{ allocated: number[]; data: string[] }> {
  const opened = await disks.openSnapshot(snapshot.id, keyOf(snapshot));
  try {
    const data: string[] = [];
    for (const block of blocks) data.push((await opened.read(block)).toString('base64'));
    return { allocated: await opened.allocated(), data };
  } finally {
    await opened.close();
  }
}

console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await perform(JSON.parse(line) as Command).then(
    result => ({ result: result ?? null }),
    (error: Error) => ({ error: error.message }),
  );
  console.log(JSON.stringify(answer));
}
await disks.close();
await machine.release();
process.exit(0);
