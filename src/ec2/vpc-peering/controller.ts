import type { Clock } from '../../api/clock.ts';
import type { Controller } from '../../controllers/controllers.ts';
import type { State } from '../../state/state.ts';
import { removeAllTags } from '../tags/model.ts';
import { peeringTagKey, vpcPeeringConnections } from './model.ts';
import { shownUntil } from './status.ts';

/** Has requests expire, and forgets connections that nobody is shown any more. Ids are those of connections. */
export function vpcPeeringController(state: State, clock: Clock): Controller {
  return {
    name: 'vpc-peering-connections',
    watch: change => (change.table === vpcPeeringConnections.name ? [change.key] : []),
    initial: function* () {
      for (const { row } of state.entries(vpcPeeringConnections)) yield row.vpcPeeringConnectionId;
    },
    reconcile: async id => {
      const row = state.get(vpcPeeringConnections, id);
      const now = clock.now();
      if (row === undefined || row.status === 'active') return undefined;
      if (row.status === 'pending-acceptance') {
        if (now < row.expirationTime) return untilThen(row.expirationTime - now);
        const statusSince = row.expirationTime;
        state.write(tx => tx.put(vpcPeeringConnections, { ...row, status: 'expired', statusSince }));
        return undefined;
      }
      const ends = [row.requester.owner, row.accepter.owner].map(owner => shownUntil(row, owner, now) ?? now);
      const end = Math.max(...ends);
      if (now < end) return untilThen(end - now);
      state.write(tx => {
        tx.delete(vpcPeeringConnections, id);
        for (const { owner } of [row.requester, row.accepter]) removeAllTags(tx, peeringTagKey(row, owner));
      });
      return undefined;
    },
  };
}

/** Timers take no more than some 24 days. */
function untilThen(milliseconds: number): number {
  return Math.min(milliseconds, 86_400_000);
}
