import type { Book, ImageEntry } from './book.ts';
import { type Choice, type Step, type StepContext, without } from './steps.ts';

/* Calls of AMIs. One that is pending when the server is killed is available after its next start. */

const maximumImages = 4;
const friend = '999900001111';

export function imageSteps(book: Book, context: StepContext): Choice[] {
  const { random } = context;
  const all = Object.keys(book.images);
  const live = Object.keys(book.instances).filter(id => book.instances[id]?.state !== 'terminated');
  const room = all.length < maximumImages;
  return [
    [live.length && room ? 4 : 0, () => create(context, random.pick(live))],
    [all.length && room ? 2 : 0, () => copy(context, random.pick(all))],
    [all.length ? 1 : 0, () => share(random.pick(all))],
    [all.length > 2 ? 3 : 0, () => deregister(random.pick(all))],
  ];
}

function create(context: StepContext, instanceId: string | undefined): Step | undefined {
  if (instanceId === undefined) return undefined;
  return making(context, 'CreateImage', { InstanceId: instanceId, NoReboot: context.random.below(2) === 0 }, [
    'IncorrectInstanceState',
    'IncorrectState',
    'SnapshotCreationPerVolumeRateExceeded',
    'ConcurrentSnapshotLimitExceeded',
  ]);
}

function copy(context: StepContext, id: string | undefined): Step | undefined {
  if (id === undefined) return undefined;
  return making(context, 'CopyImage', { SourceRegion: 'us-east-1', SourceImageId: id }, [
    'InvalidAMIID.Unavailable',
    'ResourceLimitExceeded',
  ]);
}

function making(
  { worker, serial }: StepContext,
  action: string,
  parameters: Step['parameters'],
  refusals: readonly string[],
): Step {
  const name = `${worker}-${serial()}`;
  const add = (book: Book, id: string): Book => {
    const entry: ImageEntry = { name, shared: false };
    return { ...book, images: { ...book.images, [id]: entry } };
  };
  return {
    action,
    parameters: { ...parameters, Name: name },
    refusals,
    apply: (book, answer) => add(book, answer.get('imageId') ?? ''),
    settle: (book, found) => {
      const id = Object.keys(found.images).find(one => found.images[one]?.name === name);
      return id === undefined ? book : add(book, id);
    },
  };
}

function share(id: string | undefined): Step | undefined {
  if (id === undefined) return undefined;
  return {
    action: 'ModifyImageAttribute',
    parameters: { ImageId: id, LaunchPermission: { Add: [{ UserId: friend }] } },
    apply: book => {
      const entry = book.images[id];
      return entry === undefined ? book : { ...book, images: { ...book.images, [id]: { ...entry, shared: true } } };
    },
  };
}

function deregister(id: string | undefined): Step | undefined {
  if (id === undefined) return undefined;
  return {
    action: 'DeregisterImage',
    parameters: { ImageId: id, DeleteAssociatedSnapshots: true },
    apply: book => ({ ...book, images: without(book.images, id) }),
  };
}
