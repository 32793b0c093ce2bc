import type { Book, SnapshotEntry } from './book.ts';
import { type Choice, type Step, type StepContext, without } from './steps.ts';

/* Calls of snapshots. One that is pending when the server is killed is complete after its next start. */

const maximumSnapshots = 6;

export function snapshotSteps(book: Book, context: StepContext): Choice[] {
  const { random } = context;
  const all = Object.keys(book.snapshots);
  const volumes = Object.keys(book.volumes);
  return [
    [volumes.length && all.length < maximumSnapshots ? 4 : 0, () => create(context, random.pick(volumes))],
    [all.length && all.length < maximumSnapshots ? 2 : 0, () => copy(book, context, random.pick(all))],
    [all.length > 2 ? 3 : 0, () => remove(random.pick(all))],
  ];
}

function create(context: StepContext, volumeId: string | undefined): Step | undefined {
  if (volumeId === undefined) return undefined;
  return making(context, 'CreateSnapshot', { VolumeId: volumeId }, volumeId);
}

function copy(book: Book, context: StepContext, id: string | undefined): Step | undefined {
  const source = id === undefined ? undefined : book.snapshots[id];
  if (id === undefined || source === undefined) return undefined;
  return making(context, 'CopySnapshot', { SourceRegion: 'us-east-1', SourceSnapshotId: id }, 'vol-ffffffff');
}

function making(
  { worker, serial }: StepContext,
  action: string,
  parameters: Step['parameters'],
  volumeId: string,
): Step {
  const name = `${worker}-${serial()}`;
  const add = (book: Book, id: string): Book => {
    const entry: SnapshotEntry = { name, volumeId };
    return { ...book, snapshots: { ...book.snapshots, [id]: entry } };
  };
  const tag = { ResourceType: 'snapshot', Tag: [{ Key: 'data', Value: name }] };
  return {
    action,
    parameters: { ...parameters, TagSpecification: [tag] },
    refusals: ['IncorrectState', 'SnapshotCreationPerVolumeRateExceeded', 'ConcurrentSnapshotLimitExceeded'],
    apply: (book, answer) => add(book, answer.get('snapshotId') ?? ''),
    settle: (book, found) => {
      const id = Object.keys(found.snapshots).find(one => found.snapshots[one]?.name === name);
      return id === undefined ? book : add(book, id);
    },
  };
}

function remove(id: string | undefined): Step | undefined {
  if (id === undefined) return undefined;
  return {
    action: 'DeleteSnapshot',
    parameters: { SnapshotId: id },
    apply: book => ({ ...book, snapshots: without(book.snapshots, id) }),
  };
}
