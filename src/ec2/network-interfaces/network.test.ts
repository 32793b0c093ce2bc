import { expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';
import type { FabricDriver } from '../../engine/engine.ts';
import { recordTerminated } from '../instances/outcomes.ts';
import { launch } from '../testing.ts';
import { Network } from './network.ts';

/** A fabric that writes down which VPCs are taken away. */
function recorder(): { fabric: FabricDriver; removed: string[] } {
  const removed: string[] = [];
  const nothing = async () => {};
  const fabric = {
    ensureVpc: nothing,
    removeVpc: async (vpcId: string) => void removed.push(vpcId),
    ensureGroup: nothing,
    removeGroup: nothing,
    ensurePort: nothing,
    removePort: nothing,
    listVpcs: async () => [],
    listPorts: async () => [],
  } as unknown as FabricDriver;
  return { fabric, removed };
}

test('after a start of the server, a VPC stays while a machine that was not looked at yet needs it', async () => {
  const api = createTestApi();
  const two = await launch(api, { MinCount: 2, MaxCount: 2 });
  const { fabric, removed } = recorder();
  const network = new Network(api.state, fabric);
  const [first, second] = two.map(one => ({
    vpc: one.VpcId ?? '',
    card: one.NetworkInterfaces?.[0]?.NetworkInterfaceId ?? '',
    id: one.InstanceId ?? '',
  }));
  if (first === undefined || second === undefined) throw new Error('nothing was launched');
  await network.reconcileInterface(first.vpc, first.card);
  for (const one of [first, second]) {
    await api.call('TerminateInstances', { InstanceIds: [one.id] });
    await network.unplug(one.vpc, one.card);
    if (one === first) expect(removed).toEqual([]);
    api.state.write(tx => recordTerminated(tx, one.id, api.clock.now()));
    await network.reconcileInterface(one.vpc, one.card);
    expect(removed).toEqual(one === first ? [] : [first.vpc]);
  }
});
