import { environmentVariable, type SettingSpec, settings } from '../config/settings.ts';
import type { Command } from './command.ts';
import { allOptions } from './parse.ts';

const width = 100;

/** The help of the whole tool. */
export function mainHelp(commands: readonly Command[]): string {
  return [
    'Fogbank: Amazon EC2 on your own machine.',
    '',
    'Usage: fogbank COMMAND [OPTIONS]',
    '',
    'Commands:',
    ...columns(commands.map(command => [command.name, command.summary])),
    '',
    'fogbank COMMAND --help tells more about a command.',
    '',
  ].join('\n');
}

/** The help of one command, made from its declaration. */
export function commandHelp(command: Command): string {
  const positionals = (command.positionals ?? []).map(spec => {
    const word = spec.choices?.join('|') ?? spec.name;
    return spec.required ? word : `[${word}]`;
  });
  const rest = command.rest === undefined ? [] : [`[-- ${command.rest}]`];
  const lines = [
    `Usage: ${['fogbank', command.name, ...positionals, '[OPTIONS]', ...rest].join(' ')}`,
    '',
    ...wrap(command.description ?? `${command.summary}.`, width),
    '',
    'Options:',
    ...columns(
      allOptions(command).map(option => [
        option.placeholder === undefined ? `--${option.name}` : `--${option.name} ${option.placeholder}`,
        option.description,
      ]),
    ),
    '',
  ];
  if ((command.settings ?? []).length > 0) {
    const variables = (command.settings ?? []).map(name => environmentVariable(settings[name] as SettingSpec));
    lines.push(
      ...wrap(`Instead of flags: the variables ${variables.join(', ')}, or the same names in fogbank.toml.`, width),
      '',
    );
  }
  return lines.join('\n');
}

function columns(rows: readonly (readonly [string, string])[] | readonly string[][]): string[] {
  const left = Math.min(28, Math.max(...rows.map(row => (row[0] ?? '').length))) + 2;
  return rows.flatMap(([name = '', text = '']) => {
    const lines = wrap(text, width - left - 2);
    const first = name.length + 2 <= left ? [] : [`  ${name}`];
    return [
      ...first,
      ...lines.map((line, index) => `  ${(index === 0 && first.length === 0 ? name : '').padEnd(left)}${line}`),
    ];
  });
}

function wrap(text: string, columns: number): string[] {
  return text.split('\n').flatMap(paragraph => {
    const lines = [''];
    for (const word of paragraph.split(' ')) {
      const line = lines[lines.length - 1] ?? '';
      if (line !== '' && line.length + word.length + 1 > columns) lines.push(word);
      else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
    }
    return lines;
  });
}
