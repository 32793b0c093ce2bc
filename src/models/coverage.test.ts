import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { operations } from '../operations.ts';
import { coverageText } from './coverage.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('registered operations', () => {
  it('are those that docs/coverage.md lists (npm run coverage)', () => {
    expect(readFileSync(`${root}/docs/coverage.md`, 'utf8')).toBe(coverageText(operations));
  });

  it('are each called by name in a test', () => {
    const tests = globSync(['src/**/*.test.ts', 'test/**/*.ts'], { cwd: root })
      .map(file => readFileSync(`${root}/${file}`, 'utf8'))
      .join('\n');
    const untested = operations
      .filter(({ name }) => !tests.includes(`'${name}'`))
      .map(({ service, name }) => `${service}:${name}`);
    expect(untested).toEqual([]);
  });

  it('declare resources for authorization as ARNs, or * where there are none', () => {
    const context = { account: '000000000000', region: 'us-east-1', owner: '000000000000/us-east-1' };
    for (const operation of operations) {
      let resources: ReturnType<typeof operation.resources>;
      try {
        resources = operation.resources({}, context as Parameters<typeof operation.resources>[1]);
      } catch {
        // Some look their resources up; their own tests call them with a whole context.
        continue;
      }
      for (const resource of resources) {
        const arn = typeof resource === 'string' ? resource : resource.arn;
        expect(arn, operation.name).toMatch(/^(\*|arn:aws:[a-z0-9-]+:[a-z0-9-]*:\d*:.+)$/);
      }
    }
  });
});
