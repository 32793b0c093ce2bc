import { shellQuote } from './env.ts';

/** A new access key, as `fogbank env` prints the first account's. */
export interface NewKey {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Prints what is told this once: export lines for eval, or JSON with further facts. */
export function printKey(key: NewKey, facts: object, asJson: boolean): void {
  const variables = {
    AWS_ENDPOINT_URL: key.endpoint,
    AWS_ACCESS_KEY_ID: key.accessKeyId,
    AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
    AWS_DEFAULT_REGION: key.region,
    AWS_REGION: key.region,
  };
  if (asJson) {
    process.stdout.write(`${JSON.stringify({ ...facts, ...variables }, undefined, 2)}\n`);
    return;
  }
  for (const [name, value] of Object.entries(variables)) process.stdout.write(`export ${name}=${shellQuote(value)}\n`);
  process.stderr.write('fogbank: the secret access key is shown this once\n');
}

/** Rows as columns, padded. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)));
  for (const row of rows)
    process.stdout.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
}
