import type { Event, LookupAttribute, LookupEventsRequest, LookupEventsResponse } from '@aws-sdk/client-cloudtrail';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, type ReadContext, readOperation } from '../../api/operation.ts';
import { openPlace, sealPlace } from '../../api/pagination.ts';
import { retention } from '../log/event-log.ts';
import { type AttributeKey, attributeKeys, attributeValues, resourcesOf } from '../record/attributes.ts';
import type { TrailEvent } from '../record/event.ts';
import { userNameOf } from '../record/identity.ts';
import { limitLookups } from './rate.ts';

const largestPage = 50;

/** Milliseconds that a clock may have been set back by: what was recorded later may be dated earlier. */
const clockChange = 24 * 3600 * 1000;

/**
 * Management events of the last 90 days in this account and Region, newest first. An event is there as soon as its call
 * was answered, not minutes later.
 * @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
 */
const lookupEvents = readOperation<LookupEventsRequest, LookupEventsResponse>({
  service: 'cloudtrail',
  name: 'LookupEvents',
  resources: () => ['*'],
  run: (input, context) => {
    const attribute = attributeOf(input.LookupAttributes);
    const { from, to } = timesOf(input, context.now);
    const size = sizeOf(input.MaxResults);
    const before = placeOf(context, input.NextToken);
    if (input.EventCategory !== undefined && input.EventCategory !== 'insight') {
      throw new ApiError(
        'InvalidEventCategoryException',
        `The event category must be insight, not ${input.EventCategory}.`,
      );
    }
    limitLookups(context);
    // Nobody can switch Insights on here.
    if (input.EventCategory === 'insight') return { Events: [] };
    const Events: Event[] = [];
    let last = 0;
    const query = { account: context.account, region: context.region, before, attribute, from, to };
    for (const { sequence, text } of context.services.events.candidates(query)) {
      const event = JSON.parse(text) as TrailEvent;
      const time = Date.parse(event.eventTime);
      if (time + clockChange < from) break;
      if (time < from || time > to || !isShown(event, context) || !hasAttribute(event, attribute)) continue;
      if (Events.length === size) return { Events, NextToken: sealPlace(context, last) };
      Events.push(shown(event, text));
      last = sequence;
    }
    return { Events };
  },
});

function isShown(event: TrailEvent, { account, region }: ReadContext): boolean {
  return event.recipientAccountId === account && event.awsRegion === region && event.managementEvent;
}

interface Attribute {
  readonly key: AttributeKey;
  readonly value: string;
}

function hasAttribute(event: TrailEvent, attribute: Attribute | undefined): boolean {
  return attribute === undefined || attributeValues(event, attribute.key).includes(attribute.value);
}

/** @param text the event as it is kept */
function shown(event: TrailEvent, text: string): Event {
  const { accessKeyId } = event.userIdentity;
  const Username = userNameOf(event.userIdentity);
  return {
    EventId: event.eventID,
    EventName: event.eventName,
    ReadOnly: String(event.readOnly),
    ...(accessKeyId !== undefined && { AccessKeyId: accessKeyId }),
    EventTime: new Date(event.eventTime),
    EventSource: event.eventSource,
    ...(Username !== undefined && { Username }),
    Resources: resourcesOf(event).map(({ type, name }) => ({ ResourceType: type, ResourceName: name })),
    CloudTrailEvent: text,
  };
}

function attributeOf(attributes: readonly LookupAttribute[] | undefined): Attribute | undefined {
  const [one, ...more] = attributes ?? [];
  if (one === undefined) return undefined;
  const key = attributeKeys.find(name => name === one.AttributeKey);
  const value = one.AttributeValue ?? '';
  if (more.length > 0) throw invalidAttributes('One attribute can be looked up at a time.');
  if (key === undefined) {
    throw invalidAttributes(`${one.AttributeKey} is not an attribute. Use one of ${attributeKeys.join(', ')}.`);
  }
  if (value === '' || value.length > 2000) throw invalidAttributes('The value must have 1 to 2000 characters.');
  if (key === 'ReadOnly' && value !== 'true' && value !== 'false') {
    throw invalidAttributes('The value of ReadOnly must be true or false.');
  }
  return { key, value };
}

const invalidAttributes = (message: string) => new ApiError('InvalidLookupAttributesException', message);

function timesOf({ StartTime, EndTime }: LookupEventsRequest, now: number): { from: number; to: number } {
  const to = EndTime?.getTime() ?? Number.MAX_SAFE_INTEGER;
  const from = Math.max(StartTime?.getTime() ?? 0, now - retention);
  if (StartTime !== undefined && StartTime.getTime() > to) {
    throw new ApiError('InvalidTimeRangeException', 'The StartTime must not be after the EndTime.');
  }
  return { from, to };
}

function sizeOf(size = largestPage): number {
  if (Number.isInteger(size) && size >= 1 && size <= largestPage) return size;
  throw new ApiError('InvalidMaxResultsException', `MaxResults must be from 1 to ${largestPage}, not ${size}.`);
}

function placeOf(context: ReadContext, token: string | undefined): number | undefined {
  if (token === undefined) return undefined;
  const place = openPlace(context, token);
  if (place !== undefined) return place;
  throw new ApiError(
    'InvalidNextTokenException',
    'This NextToken belongs to no earlier request with the same parameters. Use that of the page before.',
  );
}

export const lookupOperations: readonly AnyOperation[] = [lookupEvents];
