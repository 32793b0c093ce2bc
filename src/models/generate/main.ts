/** `npm run generate`: writes `src/models/generated/<service>.json` from the installed AWS SDK packages. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ServiceTable } from '../table.ts';
import { type Schema, SchemaReader } from './schema-reader.ts';
import { type Source, sources } from './sources.ts';

interface ClientConfig {
  readonly apiVersion: string;
  readonly defaultSigningName: string;
  readonly protocolSettings: Readonly<Record<string, unknown>>;
}
type ClientConstructor = new (options: { region: string }) => { readonly config: ClientConfig };

async function generate(source: Source): Promise<ServiceTable> {
  const sdk: Record<string, unknown> = await import(source.package);
  const Client = sdk[source.client] as ClientConstructor;
  const { config } = new Client({ region: 'us-east-1' });
  const settings = config.protocolSettings;
  const reader = new SchemaReader(source.floats);
  for (const [name, value] of Object.entries(sdk)) {
    if (name.endsWith('$') && Array.isArray(value)) reader.read(value as unknown as Schema);
  }
  const ownPrefix = source.protocols.includes('aws-json') ? [String(settings.serviceTarget)] : [];
  return {
    service: source.service,
    apiVersion: config.apiVersion,
    namespace: String(settings.defaultNamespace),
    xmlNamespace: String(settings.xmlNamespace ?? ''),
    signingName: config.defaultSigningName,
    protocols: source.protocols,
    jsonVersion: source.jsonVersion ?? '',
    targetPrefixes: [...ownPrefix, ...(source.otherTargetPrefixes ?? [])],
    queryCompatible: settings.awsQueryCompatible === true,
    operations: sorted(reader.operations),
    errors: sorted(reader.errors),
    shapes: sorted(reader.shapes),
  };
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** One row a line, so that a newer SDK shows as a readable diff. */
function text(table: ServiceTable): string {
  const rows = (record: object): string =>
    Object.entries(record)
      .map(([name, row]) => `${JSON.stringify(name)}:${JSON.stringify(row)}`)
      .join(',\n');
  const fields = Object.entries(table).map(([name, value]) =>
    name === 'operations' || name === 'errors' || name === 'shapes'
      ? `${JSON.stringify(name)}:{\n${rows(value as object)}\n}`
      : `${JSON.stringify(name)}:${JSON.stringify(value)}`,
  );
  return `{${fields.join(',\n')}}\n`;
}

for (const source of sources) {
  const table = await generate(source);
  const json = text(table);
  writeFileSync(fileURLToPath(new URL(`../generated/${source.service}.json`, import.meta.url)), json);
  const operations = Object.keys(table.operations).length;
  console.log(`${source.service}: ${operations} operations, ${Math.round(json.length / 1024)} KiB`);
}
