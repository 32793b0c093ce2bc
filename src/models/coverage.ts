import type { AnyOperation } from '../api/operation.ts';
import { serviceModel, serviceNames } from './models.ts';

/** The text of `docs/coverage.md`: which operations of each service are there, by service. */
export function coverageText(operations: readonly AnyOperation[]): string {
  const lines = [
    '# API coverage',
    '',
    'Made by `npm run coverage` from the registered operations; not written by hand.',
    'An operation that is not listed answers `UnsupportedOperation` by name; one that AWS does not have answers `InvalidAction`.',
    '',
    '| service | operations here | operations of AWS |',
    '| --- | ---: | ---: |',
  ];
  const sections: string[] = [];
  for (const service of serviceNames) {
    const known = serviceModel(service).operationNames;
    const here = operations
      .filter(operation => operation.service === service)
      .map(operation => operation.name)
      .sort();
    const unknown = here.filter(name => !known.includes(name));
    if (unknown.length > 0) throw new Error(`${service} has no operation ${unknown.join(', ')}`);
    lines.push(`| ${service} | ${here.length} | ${known.length} |`);
    if (here.length > 0) sections.push('', `## ${service}`, '', ...here.map(name => `- ${name}`));
  }
  return `${[...lines, ...sections].join('\n')}\n`;
}
