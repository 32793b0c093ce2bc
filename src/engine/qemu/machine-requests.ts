import type { MachineStatus } from '../engine.ts';

/** What is asked of a machine. */
export type MachineRequest =
  | 'attachNic'
  | 'detachNic'
  | 'listNics'
  | 'attachDisk'
  | 'detachDisk'
  | 'disks'
  | 'start'
  | 'powerButton'
  | 'hibernate'
  | 'powerOff'
  | 'reset'
  | 'screenshot'
  | 'remove';

type Answer = 'do' | 'nothing' | 'refuse';

/**
 * What is legal when. Requests arrive in any state; what is done twice or too late is no error, except where there is
 * nothing to give.
 */
export const machineRules: Record<MachineRequest, Record<MachineStatus['state'], Answer>> = {
  start: { absent: 'do', running: 'nothing', stopped: 'do' },
  powerButton: { absent: 'nothing', running: 'do', stopped: 'nothing' },
  hibernate: { absent: 'nothing', running: 'do', stopped: 'nothing' },
  powerOff: { absent: 'nothing', running: 'do', stopped: 'nothing' },
  reset: { absent: 'refuse', running: 'do', stopped: 'refuse' },
  attachNic: { absent: 'nothing', running: 'do', stopped: 'nothing' },
  detachNic: { absent: 'nothing', running: 'do', stopped: 'nothing' },
  listNics: { absent: 'nothing', running: 'do', stopped: 'nothing' },
  attachDisk: { absent: 'nothing', running: 'do', stopped: 'nothing' },
  detachDisk: { absent: 'nothing', running: 'do', stopped: 'nothing' },
  disks: { absent: 'nothing', running: 'do', stopped: 'nothing' },
  screenshot: { absent: 'refuse', running: 'do', stopped: 'refuse' },
  remove: { absent: 'do', running: 'do', stopped: 'do' },
};
