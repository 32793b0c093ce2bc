import type { CopyImageRequest, CopyImageResult } from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { checkId, idKinds, newId } from '../../api/ids.ts';
import { type ReadContext, type WriteContext, writeOperation } from '../../api/operation.ts';
import { regionFacts } from '../regions/catalogue.ts';
import { isSharedSnapshot } from '../snapshots/access.ts';
import { checkDuration, makeCopy } from '../snapshots/copy.ts';
import { encryptionOfCopy } from '../snapshots/encryption.ts';
import { type SnapshotRow, snapshots } from '../snapshots/model.ts';
import { addTags, parseTagSpecifications, type Tags, tagsOf } from '../tags/model.ts';
import { imageArn, isVisible, throwNoImage } from './access.ts';
import { type ImageBlockDevice, type ImageRow, images } from './model.ts';
import { checkDescription, checkImageLimit, newName } from './names.ts';

/**
 * Sent to the Region that the copy will be in. It is an AMI of the caller's with snapshots of its own, pending until these
 * are complete; launch permissions are not copied.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopyImage.html
 */
export const copyImage = writeOperation<CopyImageRequest, CopyImageResult>({
  service: 'ec2',
  name: 'CopyImage',
  resources: (input, context) => [
    imageArn(context, undefined),
    arn({ account: '', region: input.SourceRegion ?? context.region }, 'image', input.SourceImageId),
    arn(context, 'snapshot'),
  ],
  run: (input, context) => {
    const { db, owner } = context;
    refusePlaces(input);
    const completionMinutes = checkDuration(
      input.SnapshotCopyCompletionDurationMinutes,
      'SnapshotCopyCompletionDurationMinutes',
    );
    const tags = parseTagSpecifications(input.TagSpecifications, ['image', 'snapshot']);
    const source = sourceImage(context, input.SourceRegion ?? '', input.SourceImageId ?? '');
    checkImageLimit(context);
    const name = newName(context, input.Name);
    const imageId = newId('ami');
    const row: ImageRow = {
      imageId,
      owner,
      name,
      description: checkDescription(input.Description),
      architecture: source.architecture,
      state: 'pending',
      public: false,
      launchPermissions: [],
      rootDeviceName: source.rootDeviceName,
      blockDevices: source.blockDevices.map(device => {
        const snapshot = storageOf(context, device);
        if (snapshot === undefined) return device;
        if (snapshot.encrypted && input.Encrypted === false) {
          throw new ApiError(
            'InvalidRequest',
            `Snapshot ${snapshot.snapshotId} is encrypted. Creating an unencrypted copy from an encrypted snapshot is not supported.`,
          );
        }
        const encryption = encryptionOfCopy(context, input, snapshot);
        const description = `Copied for DestinationAmi ${imageId} from SourceAmi ${source.imageId} for SourceSnapshot ${snapshot.snapshotId}. Task created on ${context.now.toLocaleString('en-US')}.`;
        const request = { source: snapshot, description, encryption, completionMinutes };
        const copy = makeCopy(context, { ...request, ...(tags.snapshot && { tags: tags.snapshot }) });
        return { ...device, snapshotId: copy.snapshotId, encrypted: copy.encrypted };
      }),
      ...(source.ephemeral === undefined ? {} : { ephemeral: source.ephemeral }),
      bootMode: source.bootMode,
      enaSupport: source.enaSupport,
      ...(source.imdsSupport === undefined ? {} : { imdsSupport: source.imdsSupport }),
      ...(source.sriovNetSupport === undefined ? {} : { sriovNetSupport: source.sriovNetSupport }),
      ...(source.loginUser === undefined ? {} : { loginUser: source.loginUser }),
      creationDate: context.now,
      sourceImageId: source.imageId,
      sourceImageRegion: input.SourceRegion,
    };
    db.put(images, row);
    addTags(db, { resourceId: imageId, resourceType: 'image', owner }, tagsOfCopy(context, input, source, tags.image));
    return { ImageId: imageId };
  },
});

/** @throws ApiError `InvalidParameterValue` (the Region), `InvalidAMIID.Malformed`, `.NotFound`, `.Unavailable` */
function sourceImage(context: ReadContext, region: string, imageId: string): ImageRow {
  if (regionFacts(region) === undefined) {
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${region.slice(0, 50)}) for parameter sourceRegion is invalid. There is no such Region.`,
    );
  }
  checkId(idKinds.image, imageId);
  const there = { ...context, region, owner: `${context.account}/${region}` };
  const row = context.db.get(images, imageId);
  if (row === undefined || !isVisible(there, row)) throwNoImage([imageId]);
  if (row.state !== 'available') {
    throw new ApiError(
      'InvalidAMIID.Unavailable',
      `The image id '[${imageId}]' is not available: its state is ${row.state}.`,
    );
  }
  return row;
}

/**
 * The snapshot behind a device; launching an AMI needs no permission on it, copying it does.
 * @throws ApiError `InvalidRequest`
 */
function storageOf({ db, account }: WriteContext, device: ImageBlockDevice): SnapshotRow | undefined {
  if (device.snapshotId === undefined) return undefined;
  const row = db.get(snapshots, device.snapshotId);
  if (row === undefined || (!row.owner.startsWith(`${account}/`) && !isSharedSnapshot(db, row, account)))
    throw new ApiError('InvalidRequest', 'You do not have permission to access the storage of this ami');
  if (row.state !== 'completed' || row.tiering?.storage === 'archive') {
    throw new ApiError(
      'InvalidRequest',
      `The storage for the ami is not available in the source Region: the snapshot ${row.snapshotId} cannot be read.`,
    );
  }
  return row;
}

/** The source's, where it is the caller's own and he asks for them, and those of the request, which win. */
function tagsOfCopy(context: WriteContext, input: CopyImageRequest, source: ImageRow, given: Tags = {}): Tags {
  if (input.CopyImageTags !== true || !source.owner.startsWith(`${context.account}/`)) return given;
  const own = Object.entries(tagsOf(context.db, source.imageId)).filter(([key]) => !/^aws:/i.test(key));
  return { ...Object.fromEntries(own), ...given };
}

/** @throws ApiError `UnsupportedOperation` */
function refusePlaces(input: CopyImageRequest): void {
  if (input.DestinationOutpostArn !== undefined)
    throw new ApiError('UnsupportedOperation', 'Outposts are not supported. Leave out DestinationOutpostArn.');
  if (input.DestinationAvailabilityZone !== undefined || input.DestinationAvailabilityZoneId !== undefined) {
    throw new ApiError(
      'UnsupportedOperation',
      'Local Zones are not supported. Leave out DestinationAvailabilityZone and DestinationAvailabilityZoneId.',
    );
  }
}
