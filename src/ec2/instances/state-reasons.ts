import { type InstanceStateName, stateCodes } from './model.ts';

/** `2026-01-31 10:00:00 GMT`, as EC2 writes times inside reasons. */
export function reasonTime(milliseconds: number): string {
  return new Date(milliseconds)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' GMT');
}

export function userInitiated(now: number): string {
  return `User initiated (${reasonTime(now)})`;
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html */
export const stateReasons = {
  pending: { code: 'pending', message: 'pending' },
  userShutdown: {
    code: 'Client.UserInitiatedShutdown',
    message: 'Client.UserInitiatedShutdown: User initiated shutdown',
  },
  userHibernate: {
    code: 'Client.UserInitiatedHibernate',
    message: 'Client.UserInitiatedHibernate: User initiated hibernate',
  },
  instanceShutdown: {
    code: 'Client.InstanceInitiatedShutdown',
    message: 'Client.InstanceInitiatedShutdown: Instance initiated shutdown',
  },
} as const;

export function serverReason(
  code: 'Server.InsufficientInstanceCapacity' | 'Server.InternalError' | 'Server.ScheduledStop',
  message: string,
): { code: string; message: string } {
  return { code, message: `${code}: ${message}` };
}

export function stateMember(state: InstanceStateName): { Code: number; Name: InstanceStateName } {
  return { Code: stateCodes[state], Name: state };
}
