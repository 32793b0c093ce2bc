import type { DiskAttachment, MachineSpec } from '../../engine/engine.ts';
import type { Reader } from '../../state/state.ts';
import { instanceType } from '../instance-types/catalogue.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { attachmentTo, isLeaving } from '../volumes/attachments.ts';
import { diskLimits } from '../volumes/limits.ts';
import { type VolumeAttachment, type VolumeRow, volumes } from '../volumes/model.ts';
import type { InstanceRow } from './model.ts';

export interface DiskOptions {
  /** Whether disks are held to the IOPS and throughput of their volumes' types. */
  readonly volumeLimits: boolean;
}

/** The machine of an instance, as the engine is to build it. */
export function machineSpec(db: Reader, row: InstanceRow, options: DiskOptions): MachineSpec {
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
    // The row may be older than what has been detached since.
    disks: [
      ...row.blockDevices.flatMap(device => {
        const volume = db.get(volumes, device.volumeId);
        const attachment = attachmentTo(volume, row.instanceId);
        if (volume === undefined || attachment === undefined || isLeaving(attachment)) return [];
        return [diskAttachment(volume, attachment, row.rootDeviceName, options)];
      }),
      ...(row.instanceStore ?? []).map(({ volumeId, deviceName }) => ({ volumeId, device: deviceName, root: false })),
    ],
    nics: row.networkInterfaceIds.flatMap(id => {
      const card = db.get(networkInterfaces, id);
      if (card?.attachment === undefined) return [];
      return [
        { networkInterfaceId: id, vpcId: card.vpcId, mac: card.macAddress, deviceIndex: card.attachment.deviceIndex },
      ];
    }),
  };
}

/** A volume, as a machine is to have it. */
export function diskAttachment(
  volume: VolumeRow,
  attachment: VolumeAttachment,
  rootDeviceName: string,
  options: DiskOptions,
): DiskAttachment {
  return {
    volumeId: volume.volumeId,
    device: attachment.device,
    root: attachment.device === rootDeviceName,
    ...(volume.multiAttachEnabled === true ? { shared: true } : {}),
    ...(options.volumeLimits ? { limits: diskLimits(volume) } : {}),
  };
}
