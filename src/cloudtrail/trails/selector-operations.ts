import type {
  GetEventSelectorsRequest,
  GetEventSelectorsResponse,
  PutEventSelectorsRequest,
  PutEventSelectorsResponse,
} from '@aws-sdk/client-cloudtrail';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { arnOf, findOwnTrail, findTrail } from './find.ts';
import { trails } from './model.ts';
import { advancedSelectors, basicSelectors, everything, type Selectors } from './selectors.ts';

const service = 'cloudtrail';

/** @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventSelectors.html */
const putEventSelectors = writeOperation<PutEventSelectorsRequest, PutEventSelectorsResponse>({
  service,
  name: 'PutEventSelectors',
  resources: (input, context) => [arnOf(context, input.TrailName ?? '')],
  run: (input, context) => {
    const row = findOwnTrail(context, input.TrailName ?? '');
    const { EventSelectors: basic, AdvancedEventSelectors: advanced } = input;
    if ((basic === undefined) === (advanced === undefined)) {
      throw new ApiError('InvalidEventSelectorsException', 'Give either EventSelectors or AdvancedEventSelectors.');
    }
    const selectors = basic === undefined ? advancedSelectors(advanced ?? []) : basicSelectors(basic);
    context.db.put(trails, { ...row, selectors });
    return { TrailARN: row.trailArn, ...shown(selectors) };
  },
});

/** @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetEventSelectors.html */
const getEventSelectors = readOperation<GetEventSelectorsRequest, GetEventSelectorsResponse>({
  service,
  name: 'GetEventSelectors',
  resources: (input, context) => [arnOf(context, input.TrailName ?? '')],
  run: (input, context) => {
    const row = findTrail(context, input.TrailName ?? '');
    return { TrailARN: row.trailArn, ...shown(row.selectors ?? everything) };
  },
});

function shown(selectors: Selectors): Pick<GetEventSelectorsResponse, 'EventSelectors' | 'AdvancedEventSelectors'> {
  if ('advanced' in selectors) return { AdvancedEventSelectors: [...selectors.advanced] };
  return { EventSelectors: selectors.basic.map(selector => ({ ...selector, DataResources: [] })) };
}

export const selectorOperations: readonly AnyOperation[] = [putEventSelectors, getEventSelectors];
