import type {
  GetTrailStatusRequest,
  GetTrailStatusResponse,
  StartLoggingRequest,
  StartLoggingResponse,
  StopLoggingRequest,
  StopLoggingResponse,
} from '@aws-sdk/client-cloudtrail';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { eventTime } from '../record/times.ts';
import { arnOf, findOwnTrail, findTrail } from './find.ts';
import { trailLogs } from './model.ts';

const service = 'cloudtrail';

/** @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StartLogging.html */
const startLogging = writeOperation<StartLoggingRequest, StartLoggingResponse>({
  service,
  name: 'StartLogging',
  resources: (input, context) => [arnOf(context, input.Name ?? '')],
  run: (input, context) => {
    const { trailArn } = findOwnTrail(context, input.Name ?? '');
    const log = context.db.get(trailLogs, trailArn);
    if (log === undefined || log.isLogging) return {};
    const { lastRequest, ...rest } = log;
    // What a trail that was stopped has not delivered yet, it still does.
    const position = lastRequest === undefined ? context.services.events.last : log.position;
    context.db.put(trailLogs, { ...rest, isLogging: true, position, started: context.now });
    return {};
  },
});

/** @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StopLogging.html */
const stopLogging = writeOperation<StopLoggingRequest, StopLoggingResponse>({
  service,
  name: 'StopLogging',
  resources: (input, context) => [arnOf(context, input.Name ?? '')],
  run: (input, context) => {
    const { trailArn } = findOwnTrail(context, input.Name ?? '');
    const log = context.db.get(trailLogs, trailArn);
    if (log?.isLogging) {
      const stop = { isLogging: false, lastRequest: context.call.requestId, stopped: context.now };
      context.db.put(trailLogs, { ...log, ...stop });
    }
    return {};
  },
});

/** @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html */
const getTrailStatus = readOperation<GetTrailStatusRequest, GetTrailStatusResponse>({
  service,
  name: 'GetTrailStatus',
  resources: (input, context) => [arnOf(context, input.Name ?? '')],
  run: (input, context) => {
    const log = context.db.get(trailLogs, findTrail(context, input.Name ?? '').trailArn);
    const date = (time: number | undefined) => (time === undefined ? undefined : new Date(time));
    const text = (time: number | undefined) => (time === undefined ? '' : eventTime(time));
    const { started, stopped, delivered, attempted, error } = log ?? {};
    return {
      IsLogging: log?.isLogging ?? false,
      LatestDeliveryError: error,
      LatestDeliveryTime: date(delivered),
      StartLoggingTime: date(started),
      StopLoggingTime: date(stopped),
      LatestDeliveryAttemptTime: text(attempted),
      LatestNotificationAttemptTime: '',
      LatestNotificationAttemptSucceeded: '',
      LatestDeliveryAttemptSucceeded: text(delivered),
      TimeLoggingStarted: text(started),
      TimeLoggingStopped: text(stopped),
    };
  },
});

export const loggingOperations: readonly AnyOperation[] = [startLogging, stopLogging, getTrailStatus];
