import type { AdvancedEventSelector, AdvancedFieldSelector, EventSelector } from '@aws-sdk/client-cloudtrail';
import { ApiError } from '../../api/errors.ts';
import { unsupported } from '../errors.ts';
import type { TrailEvent } from '../record/event.ts';

/** Which management events a trail delivers. Plain JSON, as AWS shows it again. */
export type Selectors =
  | { readonly basic: readonly BasicSelector[] }
  | { readonly advanced: readonly AdvancedSelector[] };

export interface BasicSelector {
  readonly ReadWriteType: 'All' | 'ReadOnly' | 'WriteOnly';
  readonly IncludeManagementEvents: boolean;
  readonly ExcludeManagementEventSources: string[];
}

export interface AdvancedSelector {
  readonly Name?: string;
  readonly FieldSelectors: FieldSelector[];
}

type Operator = (typeof operators)[number];
type FieldSelector = { readonly Field: string } & { readonly [operator in Operator]?: string[] };

/** What a trail has that was given none. */
export const everything: Selectors = {
  basic: [{ ReadWriteType: 'All', IncludeManagementEvents: true, ExcludeManagementEventSources: [] }],
};

const invalid = (message: string) => new ApiError('InvalidEventSelectorsException', message);
const largestNumber = 5;
const readWriteTypes = ['All', 'ReadOnly', 'WriteOnly'] as const;
/** Services whose many events AWS lets one leave out. */
const excludable = ['kms.amazonaws.com', 'rdsdata.amazonaws.com'];

/** @throws ApiError `InvalidEventSelectorsException`, `UnsupportedOperationException` for other than management events */
export function basicSelectors(selectors: readonly EventSelector[]): Selectors {
  if (selectors.length === 0 || selectors.length > largestNumber) {
    throw invalid(`Give 1 to ${largestNumber} event selectors.`);
  }
  return { basic: selectors.map(basicSelector) };
}

function basicSelector(selector: EventSelector): BasicSelector {
  const { ReadWriteType: type = 'All', IncludeManagementEvents = true, DataResources = [] } = selector;
  const ReadWriteType = readWriteTypes.find(name => name === type);
  if (ReadWriteType === undefined)
    throw invalid(`ReadWriteType must be one of ${readWriteTypes.join(', ')}, not ${type}.`);
  if (DataResources.length > 0) {
    throw unsupported('Fogbank delivers management events only. Leave DataResources out.');
  }
  if (!IncludeManagementEvents) {
    throw invalid('The event selector includes neither management events nor data resources.');
  }
  const ExcludeManagementEventSources = [...new Set(selector.ExcludeManagementEventSources)];
  const wrong = ExcludeManagementEventSources.find(source => !excludable.includes(source));
  if (wrong !== undefined) {
    throw invalid(`ExcludeManagementEventSources may have ${excludable.join(' and ')}, not ${wrong}.`);
  }
  return { ReadWriteType, IncludeManagementEvents, ExcludeManagementEventSources };
}

const operators = ['Equals', 'NotEquals', 'StartsWith', 'NotStartsWith', 'EndsWith', 'NotEndsWith'] as const;

/** What an advanced selector may ask of a management event. */
const fields: Readonly<Record<string, (event: TrailEvent) => string>> = {
  eventCategory: event => event.eventCategory,
  eventName: event => event.eventName,
  eventSource: event => event.eventSource,
  eventType: event => event.eventType,
  readOnly: event => String(event.readOnly),
  'userIdentity.arn': event => event.userIdentity.arn ?? '',
};

/** @throws ApiError as `basicSelectors` */
export function advancedSelectors(selectors: readonly AdvancedEventSelector[]): Selectors {
  if (selectors.length === 0 || selectors.length > 500) throw invalid('Give 1 to 500 advanced event selectors.');
  return {
    advanced: selectors.map(({ Name, FieldSelectors = [] }) => {
      const category = FieldSelectors.find(one => one.Field === 'eventCategory');
      if (category?.Equals?.length !== 1) throw invalid('Each selector needs eventCategory with one value in Equals.');
      if (category.Equals[0] !== 'Management') {
        throw unsupported(`Fogbank delivers events of the category Management only, not ${category.Equals[0]}.`);
      }
      const names = FieldSelectors.map(one => one.Field);
      if (new Set(names).size < names.length) throw invalid('A selector may have each field once.');
      return { ...(Name !== undefined && { Name }), FieldSelectors: FieldSelectors.map(fieldSelector) };
    }),
  };
}

function fieldSelector(selector: AdvancedFieldSelector): FieldSelector {
  const Field = selector.Field ?? '';
  if (!Object.hasOwn(fields, Field)) {
    throw invalid(`${Field} is no field of management events. Use one of ${Object.keys(fields).join(', ')}.`);
  }
  const given = operators.filter(operator => selector[operator] !== undefined);
  if (given.length === 0) throw invalid(`The field ${Field} needs an operator: ${operators.join(', ')}.`);
  for (const operator of given) {
    const values = selector[operator] ?? [];
    if (values.length === 0) throw invalid(`${operator} of ${Field} must have a value.`);
    const onlyEquals = Field === 'readOnly' || Field === 'eventCategory';
    if (onlyEquals && operator !== 'Equals') throw invalid(`${Field} can be compared by Equals only.`);
    if (Field === 'readOnly' && !(values.length === 1 && /^(?:true|false)$/.test(values[0] ?? ''))) {
      throw invalid('readOnly must be true or false.');
    }
  }
  return { Field, ...Object.fromEntries(given.map(operator => [operator, [...(selector[operator] ?? [])]])) };
}

/** Whether one of the selectors takes the event. */
export function selects(selectors: Selectors, event: TrailEvent): boolean {
  if (!event.managementEvent) return false;
  if ('basic' in selectors) {
    return selectors.basic.some(
      ({ ReadWriteType, ExcludeManagementEventSources }) =>
        (ReadWriteType === 'All' || (ReadWriteType === 'ReadOnly') === event.readOnly) &&
        !ExcludeManagementEventSources.includes(event.eventSource),
    );
  }
  return selectors.advanced.some(({ FieldSelectors }) => FieldSelectors.every(field => matches(field, event)));
}

function matches(selector: FieldSelector, event: TrailEvent): boolean {
  const value = fields[selector.Field]?.(event) ?? '';
  const { Equals, NotEquals, StartsWith, NotStartsWith, EndsWith, NotEndsWith } = selector;
  const starts = (list: readonly string[]) => list.some(one => value.startsWith(one));
  const ends = (list: readonly string[]) => list.some(one => value.endsWith(one));
  return (
    (Equals?.includes(value) ?? true) &&
    !(NotEquals?.includes(value) ?? false) &&
    starts(StartsWith ?? ['']) &&
    !starts(NotStartsWith ?? []) &&
    ends(EndsWith ?? ['']) &&
    !ends(NotEndsWith ?? [])
  );
}
