import { dynamic } from './dynamic.ts';
import { metaData } from './meta-data.ts';
import { directory, type Found, find, leaf, type Place } from './node.ts';
import type { Subject } from './subject.ts';
import { metadataVersions } from './versions.ts';

const version = directory<Subject>(
  {
    dynamic,
    'meta-data': metaData,
    'user-data': leaf(subject => decoded(subject.userData()), 'application/octet-stream'),
  },
  'bare',
);

const root: Place<Omit<Subject, 'version'>> = subject => ({
  kind: 'directory',
  list: () => [...metadataVersions],
  child: name => (metadataVersions.includes(name) ? version({ ...subject, version: name }) : undefined),
});

/**
 * What a caller finds under a path. `names` are its segments, the version first; none of them is the list of versions.
 */
export function findInTree(subject: Omit<Subject, 'version'>, names: readonly string[]): Found | undefined {
  return find(root, subject, names);
}

/** The bytes as they were before the client encoded them. */
function decoded(base64: string | undefined): Uint8Array | undefined {
  const bytes = Buffer.from(base64 ?? '', 'base64');
  return bytes.length === 0 ? undefined : bytes;
}
