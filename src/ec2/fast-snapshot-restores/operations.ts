import type {
  DescribeFastSnapshotRestoreSuccessItem,
  DescribeFastSnapshotRestoresRequest,
  DescribeFastSnapshotRestoresResult,
  DisableFastSnapshotRestoreErrorItem,
  DisableFastSnapshotRestoresRequest,
  DisableFastSnapshotRestoresResult,
  EnableFastSnapshotRestoreErrorItem,
  EnableFastSnapshotRestoresRequest,
  EnableFastSnapshotRestoresResult,
} from '@aws-sdk/client-ec2';
import { arns } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { compileFilters, type FilterTable } from '../../api/filters.ts';
import {
  type AnyOperation,
  type ReadContext,
  readOperation,
  type WriteContext,
  writeOperation,
} from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import { paginate } from '../../api/pagination.ts';
import type { Reader } from '../../state/state.ts';
import { type Zone, zoneId, zonesOf } from '../regions/zones.ts';
import { checkUsable, visibleSnapshot } from '../snapshots/access.ts';
import { snapshots } from '../snapshots/model.ts';
import { dateOf } from '../snapshots/render.ts';
import { type FastSnapshotRestoreRow, fastSnapshotRestoreKey, fastSnapshotRestores } from './model.ts';

/** Snapshots that an account may have enabled in a Region, and GiB that one of them may have. */
const limits = { snapshots: 5, size: 16_384 } as const;

interface Input {
  readonly SourceSnapshotIds: string[] | undefined;
  readonly AvailabilityZones?: string[] | undefined;
  readonly AvailabilityZoneIds?: string[] | undefined;
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableFastSnapshotRestores.html */
const enableFastSnapshotRestores = writeOperation<EnableFastSnapshotRestoresRequest, EnableFastSnapshotRestoresResult>({
  service: 'ec2',
  name: 'EnableFastSnapshotRestores',
  resources: (input, context) => arns(context, 'snapshot', input.SourceSnapshotIds),
  run: (input, context) => forEach(input, context, enable),
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableFastSnapshotRestores.html */
const disableFastSnapshotRestores = writeOperation<
  DisableFastSnapshotRestoresRequest,
  DisableFastSnapshotRestoresResult
>({
  service: 'ec2',
  name: 'DisableFastSnapshotRestores',
  resources: (input, context) => arns(context, 'snapshot', input.SourceSnapshotIds),
  run: (input, context) => forEach(input, context, disable),
});

/** Does a step for each pair of snapshot and zone; what fails is told with the rest. */
function forEach(
  input: Input,
  context: WriteContext,
  step: (context: WriteContext, snapshotId: string, zone: Zone) => FastSnapshotRestoreRow,
): {
  Successful: DescribeFastSnapshotRestoreSuccessItem[];
  Unsuccessful: (EnableFastSnapshotRestoreErrorItem & DisableFastSnapshotRestoreErrorItem)[];
} {
  const zones = zonesWanted(input, context);
  const Successful: DescribeFastSnapshotRestoreSuccessItem[] = [];
  const Unsuccessful: EnableFastSnapshotRestoreErrorItem[] = [];
  for (const SnapshotId of new Set(input.SourceSnapshotIds)) {
    const errors: NonNullable<EnableFastSnapshotRestoreErrorItem['FastSnapshotRestoreStateErrors']> = [];
    for (const zone of zones) {
      try {
        Successful.push(render(context.db, step(context, SnapshotId, zone)));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        errors.push({
          AvailabilityZone: zone.name,
          AvailabilityZoneId: zone.id,
          Error: { Code: error.code, Message: error.message },
        });
      }
    }
    if (errors.length > 0) Unsuccessful.push({ SnapshotId, FastSnapshotRestoreStateErrors: errors });
  }
  return { Successful, Unsuccessful };
}

/** @throws ApiError `InvalidParameterValue`, `InvalidParameterCombination`, `MissingParameter` */
function zonesWanted({ AvailabilityZones, AvailabilityZoneIds }: Input, { region }: ReadContext): Zone[] {
  if (AvailabilityZones?.length && AvailabilityZoneIds?.length)
    throw new ApiError(
      'InvalidParameterCombination',
      'Give either AvailabilityZones or AvailabilityZoneIds, not both.',
    );
  const names = AvailabilityZones?.length ? AvailabilityZones : (AvailabilityZoneIds ?? []);
  if (names.length === 0)
    throw new ApiError('MissingParameter', 'The request must contain the parameter AvailabilityZone');
  return [...new Set(names)].map(name => {
    const found = zonesOf(region).find(zone => (AvailabilityZones?.length ? zone.name : zone.id) === name);
    if (found !== undefined) return found;
    throw new ApiError('InvalidParameterValue', `Invalid availability zone: [${name}]. It is none of ${region}.`);
  });
}

function enable(context: WriteContext, snapshotId: string, zone: Zone): FastSnapshotRestoreRow {
  const { db, owner, now } = context;
  const snapshot = visibleSnapshot(context, snapshotId);
  checkUsable(snapshot);
  if (snapshot.volumeSize > limits.size) {
    throw new ApiError(
      'InvalidParameterValue',
      `The snapshot ${snapshotId} has ${snapshot.volumeSize} GiB; fast restore takes at most ${limits.size}.`,
    );
  }
  const place = { owner, snapshotId, availabilityZone: zone.name };
  const present = db.get(fastSnapshotRestores, fastSnapshotRestoreKey(place));
  if (present !== undefined && present.state !== 'disabled' && present.state !== 'disabling') return present;
  const others = new Set(db.by(fastSnapshotRestores, 'wanted', owner).map(one => one.snapshotId));
  if (!others.has(snapshotId) && others.size >= limits.snapshots) {
    throw new ApiError(
      'ResourceLimitExceeded',
      `Fast snapshot restore can be enabled for at most ${limits.snapshots} snapshots in this Region.`,
    );
  }
  const row: FastSnapshotRestoreRow = {
    ...place,
    state: 'enabling',
    stateTransitionReason: 'Client.UserInitiated',
    enablingTime: now,
  };
  db.put(fastSnapshotRestores, row);
  return row;
}

function disable({ db, owner, now }: WriteContext, snapshotId: string, zone: Zone): FastSnapshotRestoreRow {
  const place = { owner, snapshotId, availabilityZone: zone.name };
  const present = db.get(fastSnapshotRestores, fastSnapshotRestoreKey(place));
  if (present === undefined || present.state === 'disabled') {
    throw new ApiError('IncorrectState', `Fast snapshot restore of ${snapshotId} is not enabled in ${zone.name}.`);
  }
  if (present.state === 'disabling') return present;
  const stateTransitionReason = 'Client.UserInitiated';
  const row: FastSnapshotRestoreRow = { ...present, state: 'disabling', stateTransitionReason, disablingTime: now };
  db.put(fastSnapshotRestores, row);
  return row;
}

const filters: FilterTable<FastSnapshotRestoreRow> = {
  'availability-zone': row => row.availabilityZone,
  'availability-zone-id': row => zoneId(row.availabilityZone),
  'owner-id': row => accountOf(row.owner),
  'snapshot-id': row => row.snapshotId,
  state: row => row.state,
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeFastSnapshotRestores.html */
const describeFastSnapshotRestores = readOperation<
  DescribeFastSnapshotRestoresRequest,
  DescribeFastSnapshotRestoresResult
>({
  service: 'ec2',
  name: 'DescribeFastSnapshotRestores',
  resources: () => ['*'],
  run: (input, context) => {
    const matches = compileFilters(input.Filters, filters);
    const page = paginate(context, input, { table: fastSnapshotRestores, matches, range: [1, 200] });
    return { FastSnapshotRestores: page.rows.map(row => render(context.db, row)), NextToken: page.nextToken };
  },
});

function render(db: Reader, row: FastSnapshotRestoreRow): DescribeFastSnapshotRestoreSuccessItem {
  return {
    SnapshotId: row.snapshotId,
    AvailabilityZone: row.availabilityZone,
    AvailabilityZoneId: zoneId(row.availabilityZone),
    State: row.state,
    StateTransitionReason: row.stateTransitionReason,
    OwnerId: accountOf(row.owner),
    OwnerAlias: db.get(snapshots, row.snapshotId)?.ownerAlias,
    EnablingTime: new Date(row.enablingTime),
    OptimizingTime: dateOf(row.optimizingTime),
    EnabledTime: dateOf(row.enabledTime),
    DisablingTime: dateOf(row.disablingTime),
    DisabledTime: dateOf(row.disabledTime),
  };
}

export const fastSnapshotRestoreOperations: readonly AnyOperation[] = [
  enableFastSnapshotRestores,
  disableFastSnapshotRestores,
  describeFastSnapshotRestores,
];
