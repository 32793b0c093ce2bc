import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sources } from '../models/generate/sources.ts';
import { serviceModel } from '../models/models.ts';
import type { Shape } from '../models/shapes.ts';
import { startTestGateway, type TestGateway } from './testing.ts';

/**
 * Every operation of every service, sent and read by AWS's own client: each member of its input must reach the
 * handler as it was given, and each member of its output must reach the client.
 */
interface Client {
  send(command: unknown): Promise<Record<string, unknown>>;
}
type Constructor<T> = new (argument: unknown) => T;

let test: TestGateway;
beforeAll(async () => {
  test = await startTestGateway();
});
afterAll(() => test.gateway.close());

/** What stands in every string. REST puts strings into headers, which hold no more than ASCII. */
const anyText = ` <&>"' ü€😀 +%20\t\n]]>`;
const plainText = ` <&>"' +%20=/?`;
let text = anyText;

/** Clients send these without a signature, which the gateway refuses. */
const unsigned = new Set(['AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity']);

describe.each(sources)('$service', source => {
  it('carries every member of every operation', { timeout: 120_000 }, async () => {
    const sdk: Record<string, unknown> = await import(source.package);
    const Client = sdk[source.client] as Constructor<Client>;
    const client = new Client(test.client);
    const model = serviceModel(source.service);
    for (const name of model?.operationNames ?? []) {
      const operation = model?.operation(name);
      if (!operation || unsigned.has(name)) continue;
      text = source.service === 'ebs' ? plainText : anyText;
      const input = operation.input ? sample(operation.input, name) : {};
      const output = operation.output ? sample(operation.output, name) : undefined;
      test.calls.length = 0;
      test.log.length = 0;
      test.handle = () => output;
      const Command = sdk[`${name}Command`] as Constructor<unknown>;
      const received = await client.send(new Command(structuredClone(input))).catch((error: Error) => {
        throw new Error(`${name}: ${error.name} ${error.message} ${String(test.log[0]?.cause)}`);
      });
      expect(test.calls[0]?.operation).toBe(name);
      expect(test.calls[0]?.input, `input of ${name}`).toEqual(input);
      const { $metadata, ...members } = received;
      expect(await bytesRead(members), `output of ${name}`).toEqual(output ?? {});
    }
  });
});

/** A value that has every member of a shape, to the depth where it contains itself. */
function sample(shape: Shape, path: string, above: readonly Shape[] = []): unknown {
  switch (shape.kind) {
    case 'string':
      return path + text;
    case 'integer':
      return path.length;
    case 'number':
      return path.length + 0.5;
    case 'boolean':
      return path.length % 2 === 0;
    case 'timestamp':
      return new Date(Date.UTC(2026, 0, 31, 12, 34, 56) + path.length * 1000);
    case 'blob':
    case 'stream':
      return new Uint8Array([...Buffer.from(path), 0, 255]);
    case 'document':
      return { any: [1, 'two'] };
    case 'list':
      return above.includes(shape.member)
        ? []
        : [1, 2].map(at => sample(shape.member, `${path}.${at}`, [...above, shape]));
    case 'map':
      return Object.fromEntries(
        [1, 2].map(at => [`key ${at}`, sample(shape.value, `${path}.${at}`, [...above, shape])]),
      );
    case 'structure': {
      const members = shape.union ? shape.members.slice(0, 1) : shape.members;
      const fit = members.filter(({ shape: inner }) => !above.includes(inner) && inner !== shape);
      const inside = [...above, shape];
      return Object.fromEntries(fit.map(({ name, shape: inner }) => [name, sample(inner, `${path}.${name}`, inside)]));
    }
  }
}

/** The members with streams read to their ends. */
async function bytesRead(members: Record<string, unknown>): Promise<Record<string, unknown>> {
  for (const [name, value] of Object.entries(members)) {
    if (typeof value !== 'object' || value === null || !('transformToByteArray' in value)) continue;
    members[name] = new Uint8Array(await (value.transformToByteArray as () => Promise<Uint8Array>)());
  }
  return members;
}
