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

/** What a resource's keys are made from. */
export interface ResourceSource {
  /** Of the action: `ec2`. */
  readonly service: string;
  /** Who owns it, unless the facts say. */
  readonly account: string;
  readonly region: string;
  /** What the operation declares besides. */
  readonly declared: ConditionKeys | undefined;
  /** What is known of it, if it exists. */
  readonly facts: () => ResourceFacts | undefined;
  /** The tags that the request gives it. */
  readonly tags: () => RequestTags | undefined;
}

const resourceTag = 'resourcetag/';
const requestTag = 'aws:requesttag/';

/** The keys of one resource; what they are made from is looked up when a policy first asks for it. */
class ResourceKeys {
  readonly #source: ResourceSource;
  #facts: ResourceFacts | undefined | null = null;
  #tags: RequestTags | undefined | null = null;
  #own: Map<string, Named> | undefined;

  constructor(source: ResourceSource) {
    this.#source = source;
  }

  get(key: string): Values | undefined {
    if (key.startsWith(requestTag)) {
      const suffix = key.slice(requestTag.length);
      const pair = this.#requestTags()?.pairs.find(([name]) => name.toLowerCase() === suffix);
      return pair === undefined ? undefined : [pair[1]];
    }
    if (key === 'aws:tagkeys') return this.#requestTags()?.keys;
    const colon = key.indexOf(':');
    if (key.startsWith(resourceTag, colon + 1)) {
      const prefix = key.slice(0, colon);
      if (prefix !== 'aws' && prefix !== this.#source.service) return undefined;
      const value = tagOf(this.#known()?.tags, key.slice(colon + 1 + resourceTag.length));
      // A test may give tags that the resource does not have.
      return value === undefined ? this.#others().get(key)?.[1] : [value];
    }
    return this.#others().get(key)?.[1];
  }

  *named(): Generator<readonly [key: string, named: Named]> {
    const { service } = this.#source;
    for (const [key, value] of Object.entries(this.#known()?.tags ?? {})) {
      for (const prefix of service === 'aws' ? ['aws'] : ['aws', service]) {
        const name = `${prefix}:ResourceTag/${key}`;
        yield [name.toLowerCase(), [name, [value]]];
      }
    }
    const tags = this.#requestTags();
    for (const [key, value] of tags?.pairs ?? []) {
      const name = `aws:RequestTag/${key}`;
      yield [name.toLowerCase(), [name, [value]]];
    }
    if (tags !== undefined) yield ['aws:tagkeys', ['aws:TagKeys', tags.keys]];
    yield* this.#others();
  }

  #known(): ResourceFacts | undefined {
    if (this.#facts === null) this.#facts = this.#source.facts();
    return this.#facts;
  }

  #requestTags(): RequestTags | undefined {
    if (this.#tags === null) this.#tags = this.#source.tags();
    return this.#tags;
  }

  /** All but tags. */
  #others(): Map<string, Named> {
    if (this.#own !== undefined) return this.#own;
    const { service, account, region, declared } = this.#source;
    const facts = this.#known();
    const own = new Map<string, Named>();
    add(own, 'aws:ResourceAccount', facts?.account ?? account);
    if (service === 'ec2') add(own, 'ec2:Region', region);
    for (const keys of [facts?.keys, declared]) {
      for (const name in keys) add(own, name, keys[name]);
    }
    this.#own = own;
    return own;
  }
}

function add(keys: Map<string, Named>, name: string, value: ConditionValue): void {
  const values = valuesOf(value);
  if (values !== undefined) keys.set(name.toLowerCase(), [name, values]);
}

/** The value of a tag; in conditions its key's case does not matter. */
function tagOf(tags: Readonly<Record<string, string>> | undefined, lower: string): string | undefined {
  for (const key in tags) if (key.toLowerCase() === lower) return tags[key];
  return undefined;
}

/** Keys that a resource may have; every other one that begins with `aws:` is the call's. */
const ofResource = /^(?!aws:)|^aws:(?:resource|requesttag|tagkeys|multifactor)/;

/**
 * The condition keys of one resource of a call. Most policies ask for few of them, and most calls for none.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
 */
export class RequestKeys implements ContextKeys {
  readonly #call: CallKeys;
  readonly #resource: ResourceKeys;

  constructor(call: CallKeys, resource: ResourceSource) {
    this.#call = call;
    this.#resource = new ResourceKeys(resource);
  }

  get(name: string): Values | undefined {
    if (ofResource.test(name)) return this.#resource.get(name) ?? this.#call.get(name);
    return this.#call.get(name) ?? this.#resource.get(name);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** All keys by the names that AWS shows. */
  *shown(): Generator<Named> {
    for (const [, named] of this.#named()) yield named;
  }

  get size(): number {
    return [...this.keys()].length;
  }

  *entries(): MapIterator<[string, Values]> {
    for (const [key, [, values]] of this.#named()) yield [key, values];
    return undefined;
  }

  *keys(): MapIterator<string> {
    for (const [key] of this.#named()) yield key;
    return undefined;
  }

  *values(): MapIterator<Values> {
    for (const [, [, values]] of this.#named()) yield values;
    return undefined;
  }

  [Symbol.iterator](): MapIterator<[string, Values]> {
    return this.entries();
  }

  forEach(visit: (values: Values, key: string, map: ContextKeys) => void): void {
    for (const [key, [, values]] of this.#named()) visit(values, key, this);
  }

  #named(): ReadonlyMap<string, Named> {
    return new Map([...this.#call.named(), ...this.#resource.named()]);
  }
}

/** Tags that a request gives to a resource, or takes from it. */
export interface RequestTags {
  readonly pairs: readonly (readonly [key: string, value: string])[];
  readonly keys: readonly string[];
}

interface TagLike {
  readonly Key?: unknown;
  readonly Value?: unknown;
  /** KMS's names. */
  readonly TagKey?: unknown;
  readonly TagValue?: unknown;
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
  for (const { Key, Value, TagKey = Key, TagValue = Value } of list)
    if (typeof TagKey === 'string') pairs.push([TagKey, typeof TagValue === 'string' ? TagValue : '']);
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
