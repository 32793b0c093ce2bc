/** What one worker knows to be true of its own resources. Plain values, so that two books can be compared. */
export interface Book {
  readonly instances: Readonly<Record<string, InstanceEntry>>;
  readonly groups: Readonly<Record<string, GroupEntry>>;
  /** Key pair id by name. */
  readonly keys: Readonly<Record<string, string>>;
  /** Volumes besides those of launches. */
  readonly volumes: Readonly<Record<string, VolumeEntry>>;
  readonly snapshots: Readonly<Record<string, SnapshotEntry>>;
  readonly images: Readonly<Record<string, ImageEntry>>;
}

export interface InstanceEntry {
  /** Where the instance comes to rest. */
  readonly state: 'running' | 'stopped' | 'terminated';
  readonly token: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly protected: boolean;
  readonly type: string;
}

export interface GroupEntry {
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Ingress rules as `tcp PORT CIDR`, sorted. */
  readonly rules: readonly string[];
}

export interface VolumeEntry {
  /** Different for each. */
  readonly name: string;
  /** GiB. */
  readonly size: number;
  /** Empty when it is attached to none. */
  readonly instanceId: string;
}

export interface SnapshotEntry {
  /** Different for each. */
  readonly name: string;
  readonly volumeId: string;
}

export interface ImageEntry {
  /** Different for each. */
  readonly name: string;
  readonly shared: boolean;
}

export const emptyBook: Book = { instances: {}, groups: {}, keys: {}, volumes: {}, snapshots: {}, images: {} };

/** A book as text in which equal books are equal. */
export function canonical(book: Book): string {
  return JSON.stringify(book, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** What differs between two books, for a message. */
export function difference(expected: Book, actual: Book): string {
  const lines: string[] = [];
  for (const part of ['instances', 'groups', 'keys', 'volumes', 'snapshots', 'images'] as const) {
    const left: Readonly<Record<string, unknown>> = expected[part];
    const right: Readonly<Record<string, unknown>> = actual[part];
    for (const id of new Set([...Object.keys(left), ...Object.keys(right)])) {
      const [a, b] = [JSON.stringify(left[id]), JSON.stringify(right[id])];
      if (a !== b) lines.push(`${part} ${id}: expected ${a}, is ${b}`);
    }
  }
  return lines.join('\n');
}
