import type { Parameter } from '@aws-sdk/client-ssm';
import type { ReadContext } from '../api/operation.ts';
import { type ImageRow, images } from '../ec2/images/model.ts';

/** All public parameters are below it; no account may make its own there. */
export const publicPrefix = '/aws/service/';

/**
 * The public parameter of a name, which tells the id of the newest AMI that has the name as an alias.
 * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters-ami.html
 */
export function publicParameter(context: ReadContext, name: string): Parameter | undefined {
  const image = newest(context.db.by(images, 'ssm', `${context.region}${name}`));
  return image && render(context, name, image);
}

/** The public parameters directly in a folder, or anywhere below it, in order of their names. `path` has no slash at its end. */
export function publicParametersIn(context: ReadContext, path: string, recursive: boolean): Parameter[] {
  const start = `${path}/`;
  const names = new Set<string>();
  for (const row of context.db.by(images, 'shared', context.region)) {
    for (const alias of row.ssmAliases ?? []) {
      if (alias.startsWith(start) && (recursive || !alias.slice(start.length).includes('/'))) names.add(alias);
    }
  }
  return [...names].sort().flatMap(name => publicParameter(context, name) ?? []);
}

function newest(rows: readonly ImageRow[]): ImageRow | undefined {
  let best: ImageRow | undefined;
  for (const row of rows) {
    if (row.public && row.state === 'available' && (best === undefined || row.creationDate >= best.creationDate))
      best = row;
  }
  return best;
}

function render(context: ReadContext, name: string, image: ImageRow): Parameter {
  return {
    Name: name,
    Type: 'String',
    Value: image.imageId,
    // Grows with every new AMI, as version numbers do, without a count to keep.
    Version: Math.floor(image.creationDate / 1000),
    LastModifiedDate: new Date(image.creationDate),
    ARN: `arn:aws:ssm:${context.region}::parameter${name}`,
    DataType: 'aws:ec2:image',
  };
}
