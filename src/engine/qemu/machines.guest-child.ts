/** The server that `machines.guest.test.ts` kills: starts the machines it is told, says so, and stays. */
import { createQemuEngine } from './engine.ts';

const [dataDir = '', publicPool = '', ...ids] = process.argv.slice(2);
const engine = await createQemuEngine({ dataDir, publicPool });
await engine.open({ machineChanged: () => {} }, { onListening: () => {}, onClosed: () => {} });
await Promise.all(
  ids.map(instanceId =>
    engine.machines.ensureRunning({
      instanceId,
      instanceType: 't3.nano',
      vcpus: 1,
      memoryMib: 64,
      architecture: 'x86_64',
      uuid: 'ec2f0000-0000-4000-8000-000000000001',
      bootMode: 'legacy-bios',
      disks: [{ volumeId: instanceId.replace('i-', 'vol-'), device: '/dev/xvda', root: true }],
      nics: [],
    }),
  ),
);
console.log('running');
setInterval(() => {}, 60_000);
