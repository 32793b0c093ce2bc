import type { Configuration } from '../../config/resolve.ts';
import type { StoredWarmImage } from '../../engine/qemu/warm/store.ts';
import type { ImageManifest } from '../../images/types.ts';

export const verbs = { built: 'build', pulled: 'pull' } as const;

/** A frozen guest as `image list --json` shows it. */
interface WarmEntry {
  readonly type: string;
  readonly snapshotId: string;
  readonly bytes: number;
  readonly createdAt: string;
}

/** Prints the AMIs of the cache with the instance types that launch from a frozen guest, and what can be added. */
export async function list(configuration: Configuration, json: boolean): Promise<void> {
  const [{ cachedImages }, { catalogue }, { listWarmImages }] = await Promise.all([
    import('../../images/cache.ts'),
    import('../../images/catalogue.ts'),
    import('../../engine/qemu/warm/store.ts'),
  ]);
  const images = await cachedImages(configuration.imageCacheDir);
  const { byImage, others } = await assign(images, await listWarmImages(configuration.dataDir));
  if (json) {
    const entries = images.map(image => ({ ...image, warm: byImage.get(image) ?? [] }));
    process.stdout.write(`${JSON.stringify(entries, undefined, 2)}\n`);
    return;
  }
  const rows = images.map(image => {
    const warm = typesOf(byImage.get(image) ?? []);
    return [image.family, image.name, `${image.sizeGib} GiB`, image.loginUser, warm || '–'];
  });
  const present = new Set(images.map(image => image.family));
  for (const { family, source } of catalogue) {
    if (!present.has(family)) rows.push([family, '–', '–', `fogbank image ${verbs[source]} ${family}`]);
  }
  process.stdout.write(table([['FAMILY', 'AMI', 'SIZE', 'LOGIN USER', 'WARM'], ...rows]));
  for (const [snapshotId, entries] of Map.groupBy(others, entry => entry.snapshotId)) {
    process.stdout.write(`warm, of an AMI that is not in the cache: ${snapshotId} (${typesOf(entries)})\n`);
  }
}

function typesOf(entries: readonly WarmEntry[]): string {
  return [...new Set(entries.map(entry => entry.type))].sort().join(', ');
}

/** An AMI of the cache has another snapshot in each Region; their ids follow from it, so no server is asked. */
async function assign(
  images: readonly ImageManifest[],
  warm: readonly StoredWarmImage[],
): Promise<{ byImage: Map<ImageManifest, WarmEntry[]>; others: WarmEntry[] }> {
  const byImage = new Map<ImageManifest, WarmEntry[]>();
  const others: WarmEntry[] = [];
  // The list of Regions is loaded only where there is something to find.
  if (warm.length === 0) return { byImage, others };
  const [{ publishedSnapshotId }, { regions }] = await Promise.all([
    import('../../ec2/images/publish.ts'),
    import('../../ec2/regions/catalogue.ts'),
  ]);
  const owners = new Map(
    images.flatMap(image => regions.map(region => [publishedSnapshotId(region.name, image), image] as const)),
  );
  for (const { instanceType, snapshot, bytes, createdAt } of warm) {
    const snapshotId = /snap-[0-9a-f]+/.exec(snapshot)?.[0] ?? snapshot;
    const entry = { type: instanceType, snapshotId, bytes, createdAt: new Date(createdAt).toISOString() };
    const image = owners.get(snapshotId);
    if (image === undefined) others.push(entry);
    else byImage.set(image, [...(byImage.get(image) ?? []), entry]);
  }
  return { byImage, others };
}

function table(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map(row => row.length));
  const widths = Array.from({ length: columns }, (_, column) => width(rows, column));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return rows.map(row => `${line(row).trimEnd()}\n`).join('');
}

/** Of a column; a row's last cell may be longer. */
function width(rows: readonly (readonly string[])[], column: number): number {
  return Math.max(...rows.map(row => (column < row.length - 1 ? (row[column] ?? '').length : 0)));
}
