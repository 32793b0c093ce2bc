import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A line for who waits. */
export function progress(line: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
}

/** Prints the lines and puts them below their heading into bench/results.md, in place of what was there. */
export function replaceSection(heading: string, lines: readonly string[]): void {
  const text = `## ${heading}\n\n${lines.join('\n').trimEnd()}\n`;
  process.stdout.write(`\n${text}`);
  const file = fileURLToPath(new URL('../results.md', import.meta.url));
  const sections = readFileSync(file, 'utf8').split(/^(?=## )/m);
  const others = sections.filter(section => !section.startsWith(`## ${heading}\n`)).map(section => section.trimEnd());
  writeFileSync(file, `${[...others, text].join('\n\n').trimEnd()}\n`);
}
