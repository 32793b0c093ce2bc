import type { Clock } from '../../api/clock.ts';
import type { Controller } from '../../controllers/controllers.ts';
import type { State } from '../../state/state.ts';
import type { Network } from '../network-interfaces/network.ts';
import { forget, recordCreated, recordDeleted, recordFailed, shownAfterwards } from './lifecycle.ts';
import { natGateways } from './model.ts';

/** Tries after which a NAT gateway that the fabric does not take has failed. */
const patience = 5;

export interface NatGatewayControllerOptions {
  readonly state: State;
  readonly clock: Clock;
  /** Absent where nothing carries packets. */
  readonly network?: Pick<Network, 'reconcileVpc'> | undefined;
}

/** Brings NAT gateways into the fabric and out of it, and forgets those that are gone. Ids are those of NAT gateways. */
export function natGatewayController({ state, clock, network }: NatGatewayControllerOptions): Controller {
  return {
    name: 'nat-gateways',
    watch: change => (change.table === natGateways.name ? [change.key] : []),
    initial: function* () {
      for (const { row } of state.entries(natGateways)) yield row.natGatewayId;
    },
    reconcile: async id => {
      const row = state.get(natGateways, id);
      if (row === undefined) return undefined;
      switch (row.state) {
        case 'pending':
          await network?.reconcileVpc(row.vpcId);
          state.write(tx => recordCreated(tx, id));
          return undefined;
        case 'available':
          return undefined;
        case 'deleting':
          await network?.reconcileVpc(row.vpcId);
          state.write(tx => recordDeleted(tx, id, clock.now()));
          return undefined;
        case 'deleted':
        case 'failed': {
          const left = (row.deleteTime ?? row.createTime) + shownAfterwards - clock.now();
          if (left > 0) return left;
          state.write(tx => forget(tx, id));
          return undefined;
        }
      }
    },
    failed: (id, _error, attempt) => {
      if (attempt >= patience) state.write(tx => recordFailed(tx, id));
    },
  };
}
