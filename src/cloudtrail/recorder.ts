import type { Clock } from '../api/clock.ts';
import type { State } from '../state/state.ts';
import { eventsOf, type Outcome, type RecordedCall } from './record/record.ts';

export interface Recorder {
  /** Notes the events of a call: they are kept exactly if what this turn of the event loop changed is kept. */
  readonly record: (call: RecordedCall, outcome: Outcome) => void;
  /** Records a call that never reached its operation. Resolves when its event is kept. */
  readonly refused: (call: RecordedCall, error: Error) => Promise<void>;
}

/** Puts every call on record, in CloudTrail's format. */
export function createRecorder(state: State, clock: Clock, log: (line: string) => void): Recorder {
  const record: Recorder['record'] = (call, outcome) => {
    const now = clock.now();
    let events: string[];
    try {
      events = eventsOf(call, outcome, now);
    } catch (error) {
      // A parameter that cannot be shown must not keep the call from its record, nor from its answer.
      const { input: _input, ...rest } = call;
      log(`${call.requestId} its event is incomplete: ${error instanceof Error ? error.stack : String(error)}`);
      events = eventsOf(rest, 'error' in outcome ? outcome : { output: undefined }, now);
    }
    for (const event of events) state.note(event);
  };
  const refused: Recorder['refused'] = async (call, error) => {
    record(call, { error });
    try {
      await state.settled();
    } catch (cause) {
      log(`${call.requestId} it is not on record: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  };
  return { record, refused };
}
