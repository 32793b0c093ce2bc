import type { Book, VolumeEntry } from './book.ts';
import { type Choice, type Step, type StepContext, without } from './steps.ts';

/*
 * Calls of volumes. What they ask for happens later, so that the next call may be refused: a volume that is not yet
 * created or detached, an instance on its way.
 */

const maximumVolumes = 5;
/** Where launches go first. */
const zone = 'us-east-1a';

export function volumeSteps(book: Book, context: StepContext): Choice[] {
  const { random } = context;
  const all = Object.entries(book.volumes);
  const free = all.filter(([, one]) => one.instanceId === '');
  const used = all.filter(([, one]) => one.instanceId !== '');
  const live = Object.keys(book.instances).filter(id => book.instances[id]?.state !== 'terminated');
  return [
    [all.length < maximumVolumes ? 4 : 0, () => create(context)],
    [free.length && live.length ? 5 : 0, () => attach(context, random.pick(free)?.[0], random.pick(live))],
    [used.length ? 3 : 0, () => detach(context, random.pick(used)?.[0])],
    [all.length ? 2 : 0, () => grow(random.pick(all))],
    [free.length > 2 ? 2 : 0, () => remove(random.pick(free)?.[0])],
  ];
}

/** Volumes of instances that end are free again. */
export function freeVolumes(book: Book, instanceIds: readonly string[]): Book {
  const volumes = Object.entries(book.volumes).map(([id, one]): [string, VolumeEntry] => [
    id,
    instanceIds.includes(one.instanceId) ? { ...one, instanceId: '' } : one,
  ]);
  return { ...book, volumes: Object.fromEntries(volumes) };
}

function create({ worker, serial }: StepContext): Step {
  const name = `${worker}-${serial()}`;
  const add = (book: Book, id: string): Book => ({
    ...book,
    volumes: { ...book.volumes, [id]: { name, size: 1, instanceId: '' } },
  });
  const tag = { ResourceType: 'volume', Tag: [{ Key: 'data', Value: name }] };
  return {
    action: 'CreateVolume',
    parameters: { AvailabilityZone: zone, Size: 1, VolumeType: 'gp3', TagSpecification: [tag] },
    apply: (book, answer) => add(book, answer.get('volumeId') ?? ''),
    settle: (book, found) => {
      const id = Object.keys(found.volumes).find(one => found.volumes[one]?.name === name);
      return id === undefined ? book : add(book, id);
    },
  };
}

function attach({ random }: StepContext, id: string | undefined, instanceId: string | undefined): Step | undefined {
  if (id === undefined || instanceId === undefined) return undefined;
  const letter = 'fghijklmnop'[random.below(11)];
  return {
    action: 'AttachVolume',
    parameters: { VolumeId: id, InstanceId: instanceId, Device: `/dev/sd${letter}` },
    // The device may be another's.
    refusals: ['IncorrectState', 'VolumeInUse', 'InvalidParameterValue'],
    apply: book => withVolume(book, id, one => ({ ...one, instanceId })),
  };
}

function detach({ random }: StepContext, id: string | undefined): Step | undefined {
  if (id === undefined) return undefined;
  return {
    action: 'DetachVolume',
    parameters: { VolumeId: id, Force: random.below(2) === 0 },
    refusals: ['IncorrectState'],
    apply: book => withVolume(book, id, one => ({ ...one, instanceId: '' })),
  };
}

function grow(volume: [string, VolumeEntry] | undefined): Step | undefined {
  const [id, entry] = volume ?? [];
  if (id === undefined || entry === undefined) return undefined;
  const size = entry.size + 1;
  return {
    action: 'ModifyVolume',
    parameters: { VolumeId: id, Size: size },
    refusals: ['IncorrectState', 'IncorrectModificationState', 'VolumeModificationRateExceeded'],
    apply: book => withVolume(book, id, one => ({ ...one, size })),
  };
}

function remove(id: string | undefined): Step | undefined {
  if (id === undefined) return undefined;
  return {
    action: 'DeleteVolume',
    parameters: { VolumeId: id },
    refusals: ['IncorrectState', 'VolumeInUse'],
    apply: book => ({ ...book, volumes: without(book.volumes, id) }),
  };
}

function withVolume(book: Book, id: string, change: (entry: VolumeEntry) => VolumeEntry): Book {
  const entry = book.volumes[id];
  return entry === undefined ? book : { ...book, volumes: { ...book.volumes, [id]: change(entry) } };
}
