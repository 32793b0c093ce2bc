import type { ContextKeys } from '../iam/policy/types.ts';
import type { ConditionKeys, ConditionValue, ResourceFacts } from './access.ts';
import type { ReadContext } from './operation.ts';

type Values = readonly string[];

/** A condition key as it is shown, and its values. */
type Named = readonly [name: string, values: Values];

/** Keys that the request itself has, by their names in lower case. Each is made when it is asked for. */
const ofRequest: Readonly<Record<string, readonly [name: string, read: (context: ReadContext) => ConditionValue]>> = {
  'aws:currenttime': ['aws:CurrentTime', ({ now }) => new Date(now).toISOString()],
  'aws:epochtime': ['aws:EpochTime', ({ now }) => Math.floor(now / 1000)],
  'aws:requestedregion': ['aws:RequestedRegion', ({ call }) => call.region],
  // The endpoint speaks HTTP.
  'aws:securetransport': ['aws:SecureTransport', () => false],
  'aws:sourceip': ['aws:SourceIp', ({ call }) => call.sourceAddress || undefined],
  'aws:useragent': ['aws:UserAgent', ({ call }) => call.userAgent || undefined],
  'aws:viaawsservice': ['aws:ViaAWSService', () => false],
};

/** The keys that are the same for every resource of a call: of the request, and of the caller. */
export class CallKeys {
  readonly #context: ReadContext;
  readonly #principalKeys: () => ContextKeys;
  #principal: ContextKeys | undefined;

  constructor(context: ReadContext, principalKeys: () => ContextKeys) {
    this.#context = context;
    this.#principalKeys = principalKeys;
  }

  get(key: string): Values | undefined {
    const own = Object.hasOwn(ofRequest, key) ? ofRequest[key] : undefined;
    return own === undefined ? this.#ofPrincipal().get(key) : valuesOf(own[1](this.#context));
  }

  *named(): Generator<readonly [key: string, named: Named]> {
    for (const [key, [name, read]] of Object.entries(ofRequest)) {
      const values = valuesOf(read(this.#context));
      if (values !== undefined) yield [key, [name, values]];
    }
    for (const [key, values] of this.#ofPrincipal()) yield [key, [key, values]];
  }

  #ofPrincipal(): ContextKeys {
    this.#principal ??= this.#principalKeys();
    return this.#principal;
  }
}

function valuesOf(value: ConditionValue): Values | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'object' ? value : [String(value)];
}

/** Keys that a resource may have; every other one that begins with `aws:` is the call's. */
const resourceKey = /^(?!aws:)|^aws:(?:resource|requesttag|tagkeys|multifactor)/;

/**
 * The condition keys of one resource of a call, each part of them put together when a policy first asks for a key:
 * most policies ask for few, and most calls for none.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
 */
export class RequestKeys implements ContextKeys {
  readonly #call: CallKeys;
  readonly #resource: () => Iterable<readonly [name: string, value: ConditionValue]>;
  #own: Map<string, Named> | undefined;

  /** @param resource this resource's own keys, in any case */
  constructor(call: CallKeys, resource: () => Iterable<readonly [name: string, value: ConditionValue]>) {
    this.#call = call;
    this.#resource = resource;
  }

  get(name: string): Values | undefined {
    if (resourceKey.test(name)) return this.#ownKeys().get(name)?.[1] ?? this.#call.get(name);
    return this.#call.get(name) ?? this.#ownKeys().get(name)?.[1];
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** All keys by the names that AWS shows. */
  *shown(): Generator<Named> {
    for (const [, named] of this.#call.named()) yield named;
    yield* this.#ownKeys().values();
  }

  get size(): number {
    return [...this.keys()].length;
  }

  *entries(): MapIterator<[string, Values]> {
    for (const [key, [, values]] of this.#call.named()) yield [key, values];
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
    const values = valuesOf(value);
    if (values !== undefined) found.set(name.toLowerCase(), [name, values]);
  }
  return found;
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
