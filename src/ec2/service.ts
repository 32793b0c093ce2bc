import { clientTokenController } from '../api/client-tokens.ts';
import type { Clock } from '../api/clock.ts';
import { type Controller, Controllers } from '../controllers/controllers.ts';
import type { Engine } from '../engine/engine.ts';
import type { State } from '../state/state.ts';
import { byoipController } from './byoip/controller.ts';
import { imageController } from './images/controller.ts';
import { imageRecycleController } from './images/recycled.ts';
import { instanceController, removeOrphanMachines } from './instances/controller.ts';
import { natGatewayController } from './nat-gateways/controller.ts';
import { attachmentController } from './network-interfaces/attachment-controller.ts';
import { networkInterfaceController } from './network-interfaces/controller.ts';
import { Network } from './network-interfaces/network.ts';
import { replaceRootVolumeController } from './replace-root-volume/controller.ts';
import { securityGroupController } from './security-groups/controller.ts';
import { snapshotControllers } from './snapshots/controllers.ts';
import { volumeAttachmentController } from './volumes/attachment-controller.ts';
import { volumeController } from './volumes/controller.ts';
import { missingDisks, removeOrphanDisks } from './volumes/disks.ts';
import { volumeModificationController } from './volumes/modification-controller.ts';
import { vpcPeeringController } from './vpc-peering/controller.ts';
import { vpcController } from './vpcs/controller.ts';

export interface Ec2Options {
  readonly state: State;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: (line: string) => void;
  /** Volumes are held to the IOPS and throughput of their type; so unless it is false. */
  readonly volumeLimits?: boolean;
  /** Those of other services, which run with them. */
  readonly others?: readonly Controller[];
}

/** The controllers of EC2, ready to be started. */
export function ec2Controllers({ state, engine, clock, log, volumeLimits = true, others = [] }: Ec2Options): {
  controllers: Controllers;
  removeOrphans: () => Promise<void>;
} {
  const network = engine.capabilities.realMachines ? new Network(state, engine.fabric) : undefined;
  const controllers = new Controllers(
    state,
    [
      instanceController({ state, engine, clock, network, volumeLimits, log }),
      imageController(state),
      imageRecycleController(state, clock),
      clientTokenController(state, clock),
      ...others,
      attachmentController(state, engine.machines, network),
      natGatewayController({ state, clock, network }),
      vpcPeeringController(state, clock),
      byoipController(state, clock),
      ...snapshotControllers({ state, disks: engine.disks, clock }),
      replaceRootVolumeController(state, clock),
      volumeController(state, engine),
      volumeAttachmentController({ state, engine, volumeLimits, log }),
      volumeModificationController({ state, engine, clock, volumeLimits }),
      ...(network === undefined
        ? []
        : [
            networkInterfaceController(state, network),
            securityGroupController(state, network),
            vpcController(state, network),
          ]),
    ],
    log,
  );
  const removeOrphans = async () => {
    await removeOrphanMachines(state, engine);
    await network?.removeOrphans();
    for (const one of await removeOrphanDisks(state, engine.disks))
      log(`clean-up: removed ${one}, which nothing needs`);
    // A simulator keeps none.
    if (!engine.capabilities.realMachines) return;
    for (const one of await missingDisks(state, engine.disks)) log(`clean-up: the disk of ${one} is missing`);
  };
  return { controllers, removeOrphans };
}
