import { createHash } from 'node:crypto';
import { type Elements, type Ruleset, stampPrefix, table } from './ruleset.ts';

/** Interface names are quoted, since nft would take some for keywords; addresses and numbers are not. */
function quoted(key: string): string {
  return key
    .split(' . ')
    .map(part => (/^[a-z][^:]*$/.test(part) ? `"${part}"` : part))
    .join(' . ');
}

/** Digest of a chain's rules; with the text of the rules changes what is in the kernel, so their version is in it. */
export function stampOf(rules: readonly string[]): string {
  return createHash('sha256').update(rules.join('\n')).digest('hex').slice(0, 16);
}

/**
 * Collects changes to a ruleset: every method changes the ruleset in memory at once and appends the nft commands that
 * change the kernel's alike, and appends nothing when there is nothing to change.
 */
export class Transaction {
  readonly ruleset: Ruleset;
  readonly lines: string[] = [];
  /** Sets whose elements are this transaction's own. */
  readonly #changed = new Set<string>();

  constructor(ruleset: Ruleset) {
    this.ruleset = ruleset;
  }

  elements(set: string): ReadonlyMap<string, string> {
    return this.ruleset.sets.get(set) ?? new Map();
  }

  /** Makes a set (or map) unless it is there. `definition` is nft's, e.g. `type ipv4_addr;`. */
  ensureSet(set: string, definition: string): void {
    if (this.ruleset.sets.has(set)) return;
    const [family, name] = set.split(' ');
    this.lines.push(`add ${definition.includes(' : ') ? 'map' : 'set'} ${family} ${table} ${name} { ${definition} }`);
    this.ruleset.sets.set(set, new Map());
  }

  removeSet(set: string): void {
    if (!this.ruleset.sets.delete(set)) return;
    const [family, name] = set.split(' ');
    this.lines.push(`delete set ${family} ${table} ${name}`);
  }

  /** Among the elements that `owned` picks and those in `desired`, leaves exactly `desired`. */
  replaceElements(set: string, owned: (key: string, value: string) => boolean, desired: Elements): void {
    const now = this.elements(set);
    const [family, name] = set.split(' ');
    const gone = [...now].filter(([key, value]) => (desired.has(key) ? desired.get(key) !== value : owned(key, value)));
    const added = [...desired].filter(([key, value]) => now.get(key) !== value);
    if (gone.length + added.length === 0) return;
    const elements = this.#elementsToChange(set);
    if (gone.length > 0) {
      this.lines.push(`delete element ${family} ${table} ${name} { ${gone.map(([key]) => quoted(key)).join(', ')} }`);
      for (const [key] of gone) elements.delete(key);
    }
    if (added.length > 0) {
      const text = added.map(([key, value]) => (value === '' ? quoted(key) : `${quoted(key)} : ${value}`)).join(', ');
      this.lines.push(`add element ${family} ${table} ${name} { ${text} }`);
      for (const [key, value] of added) elements.set(key, value);
    }
  }

  #elementsToChange(set: string): Elements {
    const before = this.ruleset.sets.get(set);
    if (before !== undefined && this.#changed.has(set)) return before;
    const elements = new Map(before);
    this.ruleset.sets.set(set, elements);
    this.#changed.add(set);
    return elements;
  }

  /** Gives a chain exactly these rules. `hook` is the text of a base chain's definition. */
  ensureChain(chain: string, rules: readonly string[], hook?: string): void {
    const stamp = stampOf(rules);
    if (this.ruleset.chains.get(chain)?.stamp === stamp) return;
    this.addChain(chain, hook);
    this.lines.push(`flush chain inet ${table} ${chain}`);
    this.lines.push(`add rule inet ${table} ${chain} continue comment "${stampPrefix}${stamp}"`);
    for (const rule of rules) this.lines.push(`add rule inet ${table} ${chain} ${rule}`);
    const references = rules.flatMap(rule => [...rule.matchAll(/@([\w-]+)/g)].map(match => match[1] ?? ''));
    this.ruleset.chains.set(chain, { stamp, references });
  }

  /** Makes an empty chain for others to jump to unless it is there. */
  addChain(chain: string, hook?: string): void {
    if (this.ruleset.chains.has(chain)) return;
    this.lines.push(`add chain inet ${table} ${chain}${hook === undefined ? '' : ` { ${hook} }`}`);
    this.ruleset.chains.set(chain, { stamp: '', references: [] });
  }

  /** Deletes chains; they may refer to one another. */
  removeChains(chains: readonly string[]): void {
    const there = chains.filter(chain => this.ruleset.chains.has(chain));
    for (const chain of there) this.lines.push(`flush chain inet ${table} ${chain}`);
    for (const chain of there) {
      this.lines.push(`delete chain inet ${table} ${chain}`);
      this.ruleset.chains.delete(chain);
    }
  }
}
