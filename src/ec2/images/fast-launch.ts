import type {
  DescribeFastLaunchImagesRequest,
  DescribeFastLaunchImagesResult,
  DescribeFastLaunchImagesSuccessItem,
  DisableFastLaunchRequest,
  DisableFastLaunchResult,
  EnableFastLaunchRequest,
  EnableFastLaunchResult,
} from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { compileFilters, type FilterTable } from '../../api/filters.ts';
import { type ReadContext, readOperation, type WriteContext, writeOperation } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import { paginate } from '../../api/pagination.ts';
import { defineTable } from '../../state/table.ts';
import { imageArn, isVisible, visibleImages } from './access.ts';
import { type ImageRow, images } from './model.ts';

/**
 * Fast launch: instances of an AMI continue from a guest of it that was frozen, instead of booting. On AWS this is for
 * Windows AMIs, made by snapshots ahead; here it is for those AMIs whose guests can be frozen, and it is on for them
 * until an account switches it off for its own launches. The frozen guests themselves are the engine's.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/win-ami-config-fast-launch.html
 */
export interface FastLaunchRow {
  /** Whose launches: `ACCOUNT/REGION`. */
  readonly owner: string;
  readonly imageId: string;
  readonly enabled: boolean;
  readonly since: number;
}

/** What accounts have decided; an AMI without a row is as it is by default. */
export const fastLaunchChoices = defineTable<FastLaunchRow>()({
  name: 'fast_launch_choices',
  key: row => `${row.owner}/${row.imageId}`,
  indexes: { owner: row => row.owner },
});

function choice(context: ReadContext, image: ImageRow): FastLaunchRow | undefined {
  return context.db.get(fastLaunchChoices, `${context.owner}/${image.imageId}`);
}

/** Whether the caller's launches of this AMI may continue from a frozen guest. */
export function launchesFast(context: ReadContext, image: ImageRow): boolean {
  return image.fastStart === true && choice(context, image)?.enabled !== false;
}

const userInitiated = 'Client.UserInitiated - Lifecycle state transition';

/** An AMI that launches fast. There are no snapshots ahead, nor a launch template to make them with. */
function render(context: ReadContext, image: ImageRow): DescribeFastLaunchImagesSuccessItem {
  const chosen = choice(context, image);
  return {
    ImageId: image.imageId,
    ResourceType: 'snapshot',
    // One guest is frozen at a time.
    MaxParallelLaunches: 1,
    OwnerId: accountOf(image.owner),
    State: 'enabled',
    StateTransitionReason: chosen ? userInitiated : 'The guest of this AMI can be frozen, so fast launch is on',
    StateTransitionTime: new Date(chosen?.since ?? image.creationDate),
  };
}

/** @throws ApiError `MissingParameter`, `InvalidAMIID.Malformed`, `InvalidAMIID.NotFound`, `UnsupportedOperation` */
function freezableImage(context: ReadContext, id: string | undefined): ImageRow {
  const [image] = visibleImages(context, id === undefined || id === '' ? [] : [id]);
  if (image === undefined) throw new ApiError('MissingParameter', 'The request must contain the parameter ImageId');
  if (image.fastStart !== true) {
    throw new ApiError(
      'UnsupportedOperation',
      `The guest of ${image.imageId} cannot be frozen, so its instances always boot. DescribeFastLaunchImages lists the AMIs that launch fast.`,
    );
  }
  return image;
}

function choose(context: WriteContext, image: ImageRow, enabled: boolean): void {
  if (launchesFast(context, image) === enabled && choice(context, image) !== undefined) return;
  context.db.put(fastLaunchChoices, { owner: context.owner, imageId: image.imageId, enabled, since: context.now });
}

/**
 * Takes effect at once: the first launch of an instance type freezes a guest for those that follow.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableFastLaunch.html
 */
const enableFastLaunch = writeOperation<EnableFastLaunchRequest, EnableFastLaunchResult>({
  service: 'ec2',
  name: 'EnableFastLaunch',
  resources: (input, context) => [imageArn(context, input.ImageId)],
  run: (input, context) => {
    refuseSnapshotSettings(input);
    const image = freezableImage(context, input.ImageId);
    choose(context, image, true);
    return render(context, image);
  },
});

/** @throws ApiError `InvalidParameterValue`, `UnsupportedOperation` */
function refuseSnapshotSettings(input: EnableFastLaunchRequest): void {
  if (input.ResourceType !== undefined && input.ResourceType !== 'snapshot') {
    throw new ApiError(
      'InvalidParameterValue',
      `Value ( ${input.ResourceType} ) for parameter resourceType is invalid. Use snapshot.`,
    );
  }
  for (const name of ['LaunchTemplate', 'MaxParallelLaunches', 'SnapshotConfiguration'] as const) {
    if (input[name] === undefined) continue;
    throw new ApiError(
      'UnsupportedOperation',
      `Fast launch needs no snapshots made ahead: one frozen guest of each instance type serves all launches. Leave out ${name}.`,
    );
  }
}

/**
 * The caller's instances of this AMI boot from now on; others' launches are not affected, so `Force` has nothing to
 * override.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableFastLaunch.html
 */
const disableFastLaunch = writeOperation<DisableFastLaunchRequest, DisableFastLaunchResult>({
  service: 'ec2',
  name: 'DisableFastLaunch',
  resources: (input, context) => [imageArn(context, input.ImageId)],
  run: (input, context) => {
    const image = freezableImage(context, input.ImageId);
    choose(context, image, false);
    // AWS has no state for what is off; it answers this one.
    return { ...render(context, image), State: 'disabling' };
  },
});

const filters: FilterTable<ImageRow> = {
  'owner-id': row => accountOf(row.owner),
  'resource-type': () => 'snapshot',
  // Those that are off are not listed.
  state: () => 'enabled',
};

/**
 * The AMIs that launch fast for the caller.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeFastLaunchImages.html
 */
const describeFastLaunchImages = readOperation<DescribeFastLaunchImagesRequest, DescribeFastLaunchImagesResult>({
  service: 'ec2',
  name: 'DescribeFastLaunchImages',
  resources: () => ['*'],
  run: (input, context) => {
    const filter = compileFilters(input.Filters, filters) ?? (() => true);
    const named = input.ImageIds?.length ? new Set(visibleImages(context, input.ImageIds)) : undefined;
    const { rows, nextToken } = paginate(context, input, {
      table: images,
      index: 'region',
      value: context.region,
      matches: row =>
        launchesFast(context, row) && isVisible(context, row) && (named === undefined || named.has(row)) && filter(row),
      range: [1, 200],
    });
    return { FastLaunchImages: rows.map(row => render(context, row)), NextToken: nextToken };
  },
});

export const fastLaunchOperations = [enableFastLaunch, disableFastLaunch, describeFastLaunchImages];
