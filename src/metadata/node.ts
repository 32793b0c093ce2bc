import { includesVersion } from './versions.ts';

/** What a file holds; text is sent as UTF-8. */
export type Content = string | Uint8Array;

export interface Leaf {
  readonly kind: 'leaf';
  readonly contentType: string;
  read(): Content | Promise<Content>;
}

export interface Directory {
  readonly kind: 'directory';
  /** The lines of its listing. All of them can be opened: clients that crawl fail at one that cannot. */
  list(): string[];
  child(name: string): Found | undefined;
}

export type Found = Leaf | Directory;

/**
 * A place in the tree, as a function from who asks to what is there: nothing is computed for places that a request
 * does not pass.
 */
export type Place<Subject> = (subject: Subject) => Found | undefined;

/** A file that exists when `read` gives something. */
export function leaf<Subject>(
  read: (subject: Subject) => Content | undefined,
  contentType = 'text/plain',
): Place<Subject> {
  return subject => {
    const content = read(subject);
    return content === undefined ? undefined : { kind: 'leaf', contentType, read: () => content };
  };
}

/** A file with a value for every line. It does not exist without lines. */
export function lines<Subject>(read: (subject: Subject) => readonly string[]): Place<Subject> {
  return leaf(subject => {
    const values = read(subject);
    return values.length === 0 ? undefined : values.join('\n');
  });
}

/** A file that always exists and costs something to make. */
export function costlyLeaf<Subject>(read: (subject: Subject) => Promise<Content>): Place<Subject> {
  return subject => ({ kind: 'leaf', contentType: 'text/plain', read: () => read(subject) });
}

/** A directory with fixed names; those that lead nowhere for this subject are not listed, and without any it does not exist. */
export function directory<Subject>(
  entries: Readonly<Record<string, Place<Subject>>>,
  style: 'slashes' | 'bare' = 'slashes',
): Place<Subject> {
  const places = new Map(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)));
  return subject => {
    if (!places.values().some(place => place(subject) !== undefined)) return undefined;
    return {
      kind: 'directory',
      child: name => places.get(name)?.(subject),
      list: () => {
        const names: string[] = [];
        for (const [name, place] of places) {
          const found = place(subject);
          if (found !== undefined) names.push(style === 'slashes' && found.kind === 'directory' ? `${name}/` : name);
        }
        return names;
      },
    };
  };
}

/**
 * A directory whose names come from the subject. `members` gives what stands behind each name, `place` what it looks
 * like, `line` how the listing shows it.
 */
export function collection<Subject, Member>(options: {
  readonly members: (subject: Subject) => ReadonlyMap<string, Member>;
  readonly place: Place<Member>;
  readonly line: (name: string, member: Member) => string;
}): Place<Subject> {
  return subject => {
    const members = options.members(subject);
    if (members.size === 0) return undefined;
    return {
      kind: 'directory',
      list: () => [...members].map(([name, member]) => options.line(name, member)),
      child: name => {
        const member = members.get(name);
        return member === undefined ? undefined : options.place(member);
      },
    };
  };
}

/** What exists from a version on. */
export function since<Subject extends { readonly version: string }>(
  version: string,
  place: Place<Subject>,
): Place<Subject> {
  return subject => (includesVersion(subject.version, version) ? place(subject) : undefined);
}

/** Follows names down from a place. */
export function find<Subject>(root: Place<Subject>, subject: Subject, names: readonly string[]): Found | undefined {
  let found = root(subject);
  for (const name of names) {
    if (found?.kind !== 'directory') return undefined;
    found = found.child(name);
  }
  return found;
}
