import type { Reservation, RunInstancesRequest } from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { writeOperation } from '../../api/operation.ts';
import { launchTargets } from './launch/access.ts';
import { launchInstances } from './launch/launch.ts';
import { instances } from './model.ts';
import { renderReservation } from './render.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html */
export const runInstances = writeOperation<RunInstancesRequest, Reservation>({
  service: 'ec2',
  name: 'RunInstances',
  resources: (input, context) => launchTargets(context, input),
  run: (input, context) => renderReservation(context.db, launchInstances(context, input)),
  replay: {
    reference: output => output.ReservationId ?? '',
    answer: (reservationId, context) => {
      const rows = context.db.by(instances, 'reservation', reservationId);
      if (rows.length === 0 || rows.every(row => row.state === 'terminated')) {
        throw new ApiError(
          'IdempotentInstanceTerminated',
          'The instances that were launched with this client token are terminated. Use a new token.',
        );
      }
      return renderReservation(context.db, rows);
    },
  },
});
