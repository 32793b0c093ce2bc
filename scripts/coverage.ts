import { writeFileSync } from 'node:fs';
import { coverageText } from '../src/models/coverage.ts';
import { operations } from '../src/operations.ts';

writeFileSync(new URL('../docs/coverage.md', import.meta.url), coverageText(operations));
