import type {
  InstanceStateChange,
  RebootInstancesRequest,
  StartInstancesRequest,
  StartInstancesResult,
  StopInstancesRequest,
  StopInstancesResult,
  TerminateInstancesRequest,
  TerminateInstancesResult,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findByIds, idKinds } from '../../api/ids.ts';
import { PartialFailure, type ReadContext, type WriteContext, writeOperation } from '../../api/operation.ts';
import { mayUseKey } from '../ebs-encryption/permission.ts';
import { instanceType } from '../instance-types/catalogue.ts';
import { assignPublicIp } from '../network-interfaces/lifecycle.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { volumes } from '../volumes/model.ts';
import { startInstanceStore } from './instance-store.ts';
import { promised } from './launch/launch.ts';
import { type InstanceRow, type InstanceStateName, instances } from './model.ts';
import { stateMember, stateReasons, userInitiated } from './state-reasons.ts';

/*
 *                 start                       (guest ran)
 *   stopped ───────────────▶ pending ───────────────▶ running
 *      ▲                        │                     │  │ ▲
 *      │ (machine ended)        │ terminate      stop │  │ └── reboot
 *   stopping ◀──────────────────┼─────────────────────┘  │
 *      │ terminate              ▼                        │ terminate
 *      └──────────────▶ shutting-down ◀──────────────────┘
 *                               │ (machine, disks, interfaces gone)
 *                               ▼
 *                           terminated
 * What a user may ask in which state stands in `allowed`; the controller makes the transitions in brackets.
 */
type Request = 'start' | 'stop' | 'reboot' | 'terminate';

const allowed: Readonly<Record<Request, readonly InstanceStateName[]>> = {
  start: ['stopped', 'pending', 'running'],
  stop: ['pending', 'running', 'stopping', 'stopped'],
  reboot: ['pending', 'running'],
  terminate: ['pending', 'running', 'stopping', 'stopped', 'shutting-down', 'terminated'],
};

const resources = (input: { readonly InstanceIds?: readonly string[] | undefined }, context: ReadContext) =>
  (input.InstanceIds ?? []).map(id => arn(context, 'instance', id));

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StartInstances.html */
export const startInstances = writeOperation<StartInstancesRequest, StartInstancesResult>({
  service: 'ec2',
  name: 'StartInstances',
  resources,
  run: (input, context) => ({ StartingInstances: change(context, 'start', input.InstanceIds, start) }),
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StopInstances.html */
export const stopInstances = writeOperation<StopInstancesRequest, StopInstancesResult>({
  service: 'ec2',
  name: 'StopInstances',
  resources,
  run: (input, context) => {
    const force = input.Force === true || input.SkipOsShutdown === true;
    if (input.Hibernate === true) {
      if (force) {
        throw new ApiError('InvalidParameterCombination', 'An instance is hibernated or stopped by force, not both.');
      }
      const rows = findByIds(context, instances, idKinds.instance, input.InstanceIds ?? []);
      for (const row of rows) checkHibernation(row, context.now);
    }
    const how = force ? 'force-stop' : input.Hibernate === true ? 'hibernate' : 'stop';
    return { StoppingInstances: change(context, 'stop', input.InstanceIds, (inside, row) => stop(inside, row, how)) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RebootInstances.html */
export const rebootInstances = writeOperation<RebootInstancesRequest, Record<string, never>>({
  service: 'ec2',
  name: 'RebootInstances',
  resources,
  run: (input, context) => {
    // One that is pending boots anyway.
    change(context, 'reboot', input.InstanceIds, (_, row) =>
      row.state === 'running' ? { ...row, wanted: 'reboot' } : row,
    );
    return {};
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html */
export const terminateInstances = writeOperation<TerminateInstancesRequest, TerminateInstancesResult>({
  service: 'ec2',
  name: 'TerminateInstances',
  resources,
  run: (input, context) => {
    const rows = findByIds(context, instances, idKinds.instance, input.InstanceIds ?? []);
    // Protection of one instance holds for all of the request in its Availability Zone, and for no others.
    const refused = rows.filter(isProtected);
    const zones = new Set(refused.map(row => row.availabilityZone));
    const ids = rows.filter(row => !zones.has(row.availabilityZone)).map(row => row.instanceId);
    const TerminatingInstances = change(context, 'terminate', ids, (inside, row) =>
      terminate(inside, row, input.SkipOsShutdown === true || input.Force === true),
    );
    const [first] = refused;
    return first === undefined ? { TerminatingInstances } : new PartialFailure(protectedFromTermination(first));
  },
});

/** Applies a request to every instance, or, when one cannot take it, to none. */
function change(
  context: WriteContext,
  request: Request,
  ids: readonly string[] | undefined,
  apply: (context: WriteContext, row: InstanceRow) => InstanceRow,
): InstanceStateChange[] {
  const rows = findByIds(context, instances, idKinds.instance, ids ?? []);
  for (const row of rows) check(request, row);
  return rows.map(row => {
    const after = apply(context, row);
    if (after !== row) context.db.put(instances, after);
    return {
      InstanceId: row.instanceId,
      CurrentState: stateMember(after.state),
      PreviousState: stateMember(row.state),
    };
  });
}

function check(request: Request, row: InstanceRow): void {
  if (!allowed[request].includes(row.state)) {
    const verb = { start: 'started', stop: 'stopped', reboot: 'rebooted', terminate: 'terminated' }[request];
    throw new ApiError(
      'IncorrectInstanceState',
      `The instance '${row.instanceId}' is not in a state from which it can be ${verb}: it is ${row.state}.`,
    );
  }
  if (request === 'stop' && row.state === 'pending' && row.wanted !== 'start') {
    throw new ApiError(
      'IncorrectInstanceState',
      `Instance '${row.instanceId}' cannot be stopped as it has never reached the 'running' state.`,
    );
  }
  if (request === 'stop' && row.disableApiStop && row.state !== 'stopped') {
    throw new ApiError(
      'OperationNotPermitted',
      `The instance '${row.instanceId}' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.`,
    );
  }
}

function isProtected(row: InstanceRow): boolean {
  return row.disableApiTermination && row.state !== 'terminated' && row.state !== 'shutting-down';
}

function protectedFromTermination(row: InstanceRow): ApiError {
  return new ApiError(
    'OperationNotPermitted',
    `The instance '${row.instanceId}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`,
  );
}

function start(context: WriteContext, row: InstanceRow): InstanceRow {
  if (row.state !== 'stopped') return row;
  if (!row.blockDevices.some(device => device.deviceName === row.rootDeviceName)) {
    throw new ApiError(
      'InvalidParameterValue',
      `Invalid value '${row.instanceId}' for instanceId. Instance does not have a volume attached at root (${row.rootDeviceName})`,
    );
  }
  const type = instanceType(row.instanceType);
  const verdict = context.services.engine.admit({
    memoryMib: type?.memoryMib ?? 0,
    diskGib: 0,
    ...(context.services.engine.capabilities.realMachines ? promised(context) : { promisedMemoryMib: 0 }),
  });
  if (verdict !== true)
    throw new ApiError('InsufficientInstanceCapacity', `We currently do not have sufficient capacity: ${verdict}`);
  const primary = row.networkInterfaceIds[0];
  const card = primary === undefined ? undefined : context.db.get(networkInterfaces, primary);
  const withAddress =
    card?.associatePublicIp === true && card.privateIpAddresses[0]?.publicIp === undefined
      ? assignPublicIp(context.db, card, context.services.publicPool)
      : card;
  const { instanceStore: _before, keyRefused: _refused, ...rest } = row;
  // A guest that continues expects what it had, empty as it is.
  const store = row.hibernated === true ? (row.instanceStore ?? []) : startInstanceStore(row, type);
  return {
    ...rest,
    ...(mayReadDisks(context, row) ? {} : { keyRefused: true }),
    state: 'pending',
    stateSince: context.now,
    wanted: 'start',
    stateReason: stateReasons.pending,
    stateTransitionReason: '',
    ...(store.length === 0 ? {} : { instanceStore: store }),
    launchTime: context.now,
    publicIpAddress: withAddress?.privateIpAddresses[0]?.publicIp,
  };
}

/** Whether the caller may use the keys of the instance's encrypted volumes; if not, EC2 finds out when it starts. */
function mayReadDisks(context: WriteContext, { blockDevices }: InstanceRow): boolean {
  return blockDevices.every(({ volumeId }) => {
    const kmsKeyId = context.db.get(volumes, volumeId)?.kmsKeyId;
    return kmsKeyId === undefined || mayUseKey(context, kmsKeyId, 'attach');
  });
}

/** How soon an instance of which nothing was heard is taken for one that is up, in milliseconds. */
const bootTime = 120_000;

/**
 * @throws ApiError `UnsupportedHibernationConfiguration`, `UnsupportedOperation`
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hibernating-instances.html
 */
function checkHibernation(row: InstanceRow, now: number): void {
  if (row.hibernationConfigured !== true) {
    throw new ApiError(
      'UnsupportedHibernationConfiguration',
      `The instance '${row.instanceId}' was not launched with hibernation configured. Stop it without Hibernate.`,
    );
  }
  const ready = row.reachableSince !== undefined || now - row.stateSince > bootTime;
  if (row.state === 'running' && !ready) {
    throw new ApiError(
      'UnsupportedOperation',
      `The instance '${row.instanceId}' is not ready to hibernate yet; retry in a few minutes.`,
    );
  }
}

function stop(context: WriteContext, row: InstanceRow, how: 'stop' | 'hibernate' | 'force-stop'): InstanceRow {
  if (row.state === 'stopped') return row;
  if (row.state === 'stopping') return how === 'force-stop' ? { ...row, wanted: 'force-stop' } : row;
  return {
    ...row,
    state: 'stopping',
    stateSince: context.now,
    wanted: how,
    stateReason: how === 'hibernate' ? stateReasons.userHibernate : stateReasons.userShutdown,
    stateTransitionReason: userInitiated(context.now),
  };
}

function terminate(context: WriteContext, row: InstanceRow, force: boolean): InstanceRow {
  if (row.state === 'terminated' || row.state === 'shutting-down') return row;
  return {
    ...row,
    state: 'shutting-down',
    stateSince: context.now,
    wanted: force ? 'force-stop' : 'terminate',
    stateReason: stateReasons.userShutdown,
    stateTransitionReason: userInitiated(context.now),
  };
}
