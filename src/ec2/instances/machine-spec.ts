import type { MachineSpec } from '../../engine/engine.ts';
import type { Reader } from '../../state/state.ts';
import { instanceType } from '../instance-types/catalogue.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import type { InstanceRow } from './model.ts';

/** The machine of an instance, as the engine is to build it. */
export function machineSpec(db: Reader, row: InstanceRow): MachineSpec {
  const type = instanceType(row.instanceType);
  if (type === undefined) throw new Error(`instance type ${row.instanceType} is unknown`);
  return {
    instanceId: row.instanceId,
    instanceType: row.instanceType,
    vcpus: row.cpuOptions.coreCount * row.cpuOptions.threadsPerCore,
    memoryMib: type.memoryMib,
    architecture: row.architecture,
    uuid: row.uuid,
    bootMode: row.bootMode,
    ...(row.fastStart ? { fastStart: true } : {}),
    disks: row.blockDevices.map(device => ({
      volumeId: device.volumeId,
      device: device.deviceName,
      root: device.deviceName === row.rootDeviceName,
    })),
    nics: row.networkInterfaceIds.flatMap(id => {
      const card = db.get(networkInterfaces, id);
      if (card?.attachment === undefined) return [];
      return [
        { networkInterfaceId: id, vpcId: card.vpcId, mac: card.macAddress, deviceIndex: card.attachment.deviceIndex },
      ];
    }),
  };
}
