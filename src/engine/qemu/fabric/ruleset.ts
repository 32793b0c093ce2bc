/**
 * The nftables state of a VPC namespace as a value: what is in every set and map, which chains exist, and what their
 * rules were compiled from. A difference of two such values is one transaction. Read back from the kernel it tells
 * what an earlier process left, so nothing about the firewall has to be kept in files.
 */

/** Keys and values as nft writes them; parts of a concatenated key joined by ` . `; a set's values are ''. */
export type Elements = Map<string, string>;

export interface Chain {
  /** Digest of the rules, kept in the kernel as the comment of a first rule without effect. */
  readonly stamp: string;
  /** Sets that the rules look into: these cannot be deleted before. */
  readonly references: readonly string[];
}

export interface Ruleset {
  /** By `family name`, e.g. `inet bindings`. */
  readonly sets: Map<string, Elements>;
  /** Chains of the `inet` table. */
  readonly chains: Map<string, Chain>;
}

export const table = 'fogbank';
export const stampPrefix = 'rules ';

export function emptyRuleset(): Ruleset {
  return { sets: new Map(), chains: new Map() };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One element or one part of it from nft's JSON, as text. */
function atom(value: unknown): string {
  if (!isRecord(value)) return String(value);
  if (isRecord(value.elem)) return atom(value.elem.val);
  if (Array.isArray(value.concat)) return value.concat.map(atom).join(' . ');
  if ('accept' in value) return 'accept';
  if (isRecord(value.jump)) return `jump ${String(value.jump.target)}`;
  if (isRecord(value.goto)) return `goto ${String(value.goto.target)}`;
  if (isRecord(value.prefix)) return `${String(value.prefix.addr)}/${String(value.prefix.len)}`;
  return JSON.stringify(value);
}

function elementsOf(list: unknown): Elements {
  const elements: Elements = new Map();
  if (!Array.isArray(list)) return elements;
  for (const item of list) {
    // A map's element is a pair; a concatenated key is an object, so an array is never a set's element.
    if (Array.isArray(item)) elements.set(atom(item[0]), atom(item[1]));
    else elements.set(atom(item), '');
  }
  return elements;
}

/** Reads `nft --json list ruleset` of a VPC namespace. */
export function parseRuleset(json: string): Ruleset {
  const ruleset = emptyRuleset();
  const parsed: unknown = JSON.parse(json);
  const objects = isRecord(parsed) && Array.isArray(parsed.nftables) ? parsed.nftables : [];
  for (const object of objects) {
    if (!isRecord(object)) continue;
    const set = object.set ?? object.map;
    const { chain, rule } = object;
    if (isRecord(set) && set.table === table) {
      ruleset.sets.set(`${String(set.family)} ${String(set.name)}`, elementsOf(set.elem));
    } else if (isRecord(chain) && chain.table === table && chain.family === 'inet') {
      ruleset.chains.set(String(chain.name), { stamp: '', references: [] });
    } else if (isRecord(rule) && rule.table === table && rule.family === 'inet') {
      const name = String(rule.chain);
      const before = ruleset.chains.get(name) ?? { stamp: '', references: [] };
      const comment = typeof rule.comment === 'string' ? rule.comment : '';
      const stamp = comment.startsWith(stampPrefix) ? comment.slice(stampPrefix.length) : before.stamp;
      const found = [...JSON.stringify(rule.expr).matchAll(/"@([^"]+)"/g)].map(match => match[1] ?? '');
      ruleset.chains.set(name, { stamp, references: [...before.references, ...found] });
    }
  }
  return ruleset;
}

/** For a transaction, which copies the elements of those sets that it changes: the others stay the same objects. */
export function copyRuleset(ruleset: Ruleset): Ruleset {
  return { sets: new Map(ruleset.sets), chains: new Map(ruleset.chains) };
}
