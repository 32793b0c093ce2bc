import { createFabric } from './fabric.ts';
import { anywhere, groupIntent, portIntent, vpcIntent } from './intents.test-data.ts';

/** Makes and removes networks until it is killed. Arguments: data folder, public pool, VPC ID. */
const [, , dataDir = '', publicPool = '', vpcId = ''] = process.argv;
const fabric = createFabric({ dataDir, publicPool });
await fabric.open({ onListening: () => undefined, onClosed: () => undefined });
const groups = ['sg-0aaaaaaaaaaaaaaa1', 'sg-0aaaaaaaaaaaaaaa2'];
const base = publicPool.split('.').slice(0, 3).join('.');

for (let round = 0; ; round++) {
  await fabric.ensureVpc(vpcIntent(vpcId, { internetGateway: round % 3 !== 2 }));
  for (const [index, id] of groups.entries()) {
    const rules = [anywhere, { protocol: 6, fromPort: round % 100, toPort: 200, groupId: groups[1 - index] }];
    await fabric.ensureGroup(groupIntent(vpcId, id, rules));
  }
  const ports = [10, 11, 12, 13].map(number =>
    portIntent(vpcId, number, {
      groupIds: [groups[(number + round) % 2] ?? ''],
      publicIpAddresses: { [`172.31.0.${number}`]: `${base}.${20 + ((number + round) % 4)}` },
      sourceDestCheck: round % 2 === 0,
    }),
  );
  await Promise.all(ports.map(port => fabric.ensurePort(port)));
  console.log('round');
  for (const port of ports.slice(round % 4)) await fabric.removePort(vpcId, port.networkInterfaceId);
  if (round % 5 === 4) await fabric.removeVpc(vpcId);
}
