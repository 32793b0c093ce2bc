/** The server that `warm.guest.test.ts` kills: starts machines that may start fast, says so, and stays. */
import { createQemuEngine } from '../engine.ts';
import { fastMachine } from './warm.guest-spec.ts';

const [dataDir = '', publicPool = '', ...ids] = process.argv.slice(2);
const engine = await createQemuEngine({ dataDir, publicPool });
await engine.open({ machineChanged: () => {} }, { onListening: () => {}, onClosed: () => {} });
await Promise.all(ids.map(instanceId => engine.machines.ensureRunning(fastMachine(instanceId))));
console.log('running');
setInterval(() => {}, 60_000);
