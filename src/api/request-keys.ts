import type { ContextKeys } from '../iam/policy/types.ts';
import type { ConditionKeys, ConditionValue, ResourceFacts } from './access.ts';
import type { ReadContext } from './operation.ts';

type Values = readonly string[];

/** A condition key as it is shown, and its values. */
type Named = readonly [name: string, values: Values];

/**
 * The condition keys of one resource of a request, each part of them put together when a policy first asks for a key:
 * most policies ask for few, and most calls for none.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
 */
export class RequestKeys implements ContextKeys {
  readonly #request: () => ReadonlyMap<string, Named>;
  readonly #resource: () => Iterable<readonly [name: string, value: ConditionValue]>;
  #own: Map<string, Named> | undefined;

  /**
   * @param request keys that are the same for every resource of the request, made once
   * @param resource this resource's own, in any case
   */
  constructor(
    request: () => ReadonlyMap<string, Named>,
    resource: () => Iterable<readonly [name: string, value: ConditionValue]>,
  ) {
    this.#request = request;
    this.#resource = resource;
  }

  get(name: string): Values | undefined {
    return (this.#request().get(name) ?? this.#ownKeys().get(name))?.[1];
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** All keys by the names that AWS shows. */
  *shown(): Generator<Named> {
    yield* this.#request().values();
    yield* this.#ownKeys().values();
  }

  get size(): number {
    return [...this.keys()].length;
  }

  *entries(): MapIterator<[string, Values]> {
    for (const [key, [, values]] of this.#request()) yield [key, values];
    for (const [key, [, values]] of this.#ownKeys()) yield [key, values];
    return undefined;
  }

  *keys(): MapIterator<string> {
    for (const [key] of this.entries()) yield key;
    return undefined;
  }

  *values(): MapIterator<Values> {
    for (const [, values] of this.entries()) yield values;
    return undefined;
  }

  [Symbol.iterator](): MapIterator<[string, Values]> {
    return this.entries();
  }

  forEach(visit: (values: Values, key: string, map: ContextKeys) => void): void {
    for (const [key, values] of this.entries()) visit(values, key, this);
  }

  #ownKeys(): Map<string, Named> {
    this.#own ??= named(this.#resource());
    return this.#own;
  }
}

function named(keys: Iterable<readonly [name: string, value: ConditionValue]>): Map<string, Named> {
  const found = new Map<string, Named>();
  for (const [name, value] of keys) {
    if (value === undefined) continue;
    const values = typeof value === 'object' ? value : [String(value)];
    found.set(name.toLowerCase(), [name, values]);
  }
  return found;
}

/** The keys that are the same for every resource: of the caller, and of the request itself. */
export function keysOfRequest(context: ReadContext, principalKeys: ContextKeys): ReadonlyMap<string, Named> {
  const { call, now } = context;
  const keys = named([
    ['aws:CurrentTime', new Date(now).toISOString()],
    ['aws:EpochTime', Math.floor(now / 1000)],
    ['aws:RequestedRegion', call.region],
    ['aws:SecureTransport', false],
    ['aws:SourceIp', call.sourceAddress === '' ? undefined : call.sourceAddress],
    ['aws:UserAgent', call.userAgent === '' ? undefined : call.userAgent],
    ['aws:ViaAWSService', false],
  ]);
  for (const [key, values] of principalKeys) keys.set(key, [key, values]);
  return keys;
}

/** The keys of one resource: what the operation declares, what is known of it, and the tags that the request gives it. */
export function* keysOfResource(
  service: string,
  account: string,
  region: string,
  declared: ConditionKeys | undefined,
  facts: ResourceFacts | undefined,
  tags: RequestTags | undefined,
): Generator<readonly [name: string, value: ConditionValue]> {
  yield ['aws:ResourceAccount', facts?.account ?? account];
  if (service === 'ec2') yield ['ec2:Region', region];
  if (facts !== undefined) {
    yield* Object.entries(facts.keys);
    for (const [key, value] of Object.entries(facts.tags)) {
      yield [`aws:ResourceTag/${key}`, value];
      yield [`${service}:ResourceTag/${key}`, value];
    }
  }
  if (tags !== undefined) {
    for (const [key, value] of tags.pairs) yield [`aws:RequestTag/${key}`, value];
    yield ['aws:TagKeys', tags.keys];
  }
  if (declared !== undefined) yield* Object.entries(declared);
}

/** Tags that a request gives to a resource, or takes from it. */
export interface RequestTags {
  readonly pairs: readonly (readonly [key: string, value: string])[];
  readonly keys: readonly string[];
}

interface TagLike {
  readonly Key?: unknown;
  readonly Value?: unknown;
}

/**
 * The tags of a request: its `Tags`, `TagsList` or `TagKeys`, and, for a resource of that type, its
 * `TagSpecifications`; undefined when it has none.
 */
export function requestTags(input: Readonly<Record<string, unknown>>, resourceType: string): RequestTags | undefined {
  const list: TagLike[] = [];
  for (const member of [input.Tags, input.TagsList]) if (Array.isArray(member)) list.push(...member);
  for (const { ResourceType, Tags } of tagSpecifications(input)) {
    if (ResourceType === resourceType && Array.isArray(Tags)) list.push(...Tags);
  }
  const pairs: [string, string][] = [];
  for (const { Key, Value } of list)
    if (typeof Key === 'string') pairs.push([Key, typeof Value === 'string' ? Value : '']);
  const bare = Array.isArray(input.TagKeys) ? input.TagKeys.filter(key => typeof key === 'string') : [];
  if (pairs.length === 0 && bare.length === 0) return undefined;
  return { pairs, keys: [...pairs.map(([key]) => key), ...bare] };
}

/** EC2's `TagSpecifications` of a request that makes resources. */
export function tagSpecifications(
  input: Readonly<Record<string, unknown>>,
): readonly { readonly ResourceType?: unknown; readonly Tags?: unknown }[] {
  return Array.isArray(input.TagSpecifications) ? input.TagSpecifications : [];
}
