import type { Clock } from '../../api/clock.ts';
import type { Controller } from '../../controllers/controllers.ts';
import type { State, Tx } from '../../state/state.ts';
import { removeAllTags } from '../tags/model.ts';
import { type ByoipCidrRow, byoipCidrs } from './model.ts';

/** Milliseconds for which a range that is gone, or was refused, is still shown. */
const shownAfterwards = 3_600_000;

/** Finishes what was begun with a range. Ids are those of pools. */
export function byoipController(state: State, clock: Clock): Controller {
  return {
    name: 'byoip-cidrs',
    watch: change => (change.table === byoipCidrs.name ? [change.key] : []),
    initial: function* () {
      for (const { row } of state.entries(byoipCidrs)) yield row.poolId;
    },
    reconcile: async id => {
      const row = state.get(byoipCidrs, id);
      if (row === undefined) return undefined;
      if (row.state === 'deprovisioned' || row.state === 'failed-provision') {
        const left = row.stateSince + shownAfterwards - clock.now();
        if (left > 0) return left;
        state.write(tx => {
          tx.delete(byoipCidrs, id);
          removeAllTags(tx, id);
        });
        return undefined;
      }
      if (next(row) !== row.state) state.write(tx => finish(tx, id, clock.now()));
      return undefined;
    },
  };
}

function finish(tx: Tx, id: string, now: number): void {
  const row = tx.get(byoipCidrs, id);
  if (row === undefined) return;
  const { objection, ...rest } = row;
  const statusMessage = objection === undefined ? {} : { statusMessage: objection };
  tx.put(byoipCidrs, { ...rest, ...statusMessage, state: next(row), stateSince: now });
}

function next(row: ByoipCidrRow): ByoipCidrRow['state'] {
  switch (row.state) {
    case 'pending-provision':
      return row.objection === undefined ? 'provisioned' : 'failed-provision';
    case 'pending-advertising':
      return 'advertised';
    case 'pending-withdrawal':
      return 'provisioned';
    case 'pending-deprovision':
      return 'deprovisioned';
    default:
      return row.state;
  }
}
