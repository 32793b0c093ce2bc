import type {
  DescribeImageReferencesRequest,
  DescribeImageReferencesResult,
  GetImageAncestryRequest,
  GetImageAncestryResult,
  ImageAncestryEntry,
  ImageReference,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { checkId, idKinds } from '../../api/ids.ts';
import { type AnyOperation, type ReadContext, readOperation } from '../../api/operation.ts';
import { paginateArray } from '../../api/pagination.ts';
import { instances } from '../instances/model.ts';
import { imageArn, isVisible, visibleImages } from './access.ts';
import { type ImageRow, images } from './model.ts';

/**
 * The AMI that an AMI was made of, the one that this was made of, and so on, as far as the caller sees them.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetImageAncestry.html
 */
const getImageAncestry = readOperation<GetImageAncestryRequest, GetImageAncestryResult>({
  service: 'ec2',
  name: 'GetImageAncestry',
  resources: (input, context) => [imageArn(context, input.ImageId)],
  run: (input, context) => {
    const [first] = visibleImages(context, [input.ImageId ?? '']);
    const entries: ImageAncestryEntry[] = [];
    const seen = new Set<string>();
    for (let row = first; row !== undefined && !seen.has(row.imageId); row = parentOf(context, row)) {
      seen.add(row.imageId);
      entries.push({
        ImageId: row.imageId,
        CreationDate: new Date(row.creationDate),
        ImageOwnerAlias: row.ownerAlias,
        SourceImageId: row.sourceImageId,
        SourceImageRegion: row.sourceImageRegion,
      });
    }
    return { ImageAncestryEntries: entries };
  },
});

function parentOf(context: ReadContext, { sourceImageId: id, sourceImageRegion: region }: ImageRow) {
  if (id === undefined || region === undefined) return undefined;
  const row = context.db.get(images, id);
  const there = { ...context, region, owner: `${context.account}/${region}` };
  return row !== undefined && isVisible(there, row) ? row : undefined;
}

const referring = [
  'ec2:Instance',
  'ec2:LaunchTemplate',
  'ssm:Parameter',
  'imagebuilder:ImageRecipe',
  'imagebuilder:ContainerRecipe',
];
const maximumImages = 10;

/**
 * The caller's instances that were launched from AMIs. Of the other types of resources that may refer to one, none exist
 * here.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImageReferences.html
 */
const describeImageReferences = readOperation<DescribeImageReferencesRequest, DescribeImageReferencesResult>({
  service: 'ec2',
  name: 'DescribeImageReferences',
  resources: () => ['*'],
  run: (input, context) => {
    const ids = input.ImageIds ?? [];
    if (ids.length === 0 || ids.length > maximumImages)
      throw new ApiError('InvalidParameterValue', `ImageIds must have 1 to ${maximumImages} values.`);
    for (const id of ids) checkId(idKinds.image, id);
    const states = instanceStates(input);
    const references: ImageReference[] = [];
    for (const ImageId of states === undefined ? [] : ids) {
      for (const row of context.db.by(instances, 'image', ImageId)) {
        if (row.owner !== context.owner || !states?.includes(row.state)) continue;
        references.push({ ImageId, ResourceType: 'ec2:Instance', Arn: arn(context, 'instance', row.instanceId) });
      }
    }
    const { rows, nextToken } = paginateArray(context, input, references, { range: [1, 1000] });
    return { ImageReferences: rows, NextToken: nextToken };
  },
});

const living: readonly string[] = ['pending', 'running', 'shutting-down', 'stopping', 'stopped'];

/**
 * States of the instances that are looked for; undefined when none are.
 * @throws ApiError `MissingParameter`, `InvalidParameterValue`, `InvalidParameterCombination`
 */
function instanceStates(input: DescribeImageReferencesRequest): readonly string[] | undefined {
  const types = input.ResourceTypes ?? [];
  if (input.IncludeAllResourceTypes !== true && types.length === 0)
    throw new ApiError(
      'MissingParameter',
      'The request must contain the parameter IncludeAllResourceTypes or ResourceTypes',
    );
  for (const { ResourceType: type = '' } of types as readonly { readonly ResourceType?: string }[]) {
    if (!referring.includes(type))
      throw new ApiError(
        'InvalidParameterValue',
        `Value (${type.slice(0, 50)}) for parameter ResourceType is invalid. Use ${referring.join(', ')}.`,
      );
  }
  const given = types.find(one => one.ResourceType === 'ec2:Instance');
  if (given === undefined) return input.IncludeAllResourceTypes === true ? living : undefined;
  const options = given.ResourceTypeOptions ?? [];
  const wrong = options.find(option => option.OptionName !== 'state-name');
  if (wrong !== undefined)
    throw new ApiError(
      'InvalidParameterValue',
      `The option ${String(wrong.OptionName)} is not one of ec2:Instance. Use state-name.`,
    );
  const states = options.flatMap(option => option.OptionValues ?? []);
  const unknown = states.find(state => !living.includes(state));
  if (unknown !== undefined)
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${unknown.slice(0, 50)}) for the option state-name is invalid.`,
    );
  return states.length > 0 ? states : living;
}

export const imageAncestryOperations: readonly AnyOperation[] = [describeImageReferences, getImageAncestry];
