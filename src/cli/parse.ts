import { nearest } from '../config/nearest.ts';
import { type SettingName, type SettingSpec, settings } from '../config/settings.ts';
import { usageError } from '../config/user-error.ts';
import type { Command, Invocation, OptionSpec } from './command.ts';

/** `value` is what a switch of a setting stands for. */
type Flag = OptionSpec & { readonly setting?: SettingName; readonly value?: string };

/** Every flag of a command: its own, its settings', `--config` where it has settings, and `--help`. */
export function allOptions(command: Command): Flag[] {
  const fromSettings = (command.settings ?? []).map(name => {
    const spec: SettingSpec = settings[name];
    if (spec.switch) return { ...spec.switch, setting: name };
    return { name: spec.name, placeholder: spec.placeholder, description: settingDescription(spec), setting: name };
  });
  const config =
    command.settings === undefined
      ? []
      : [
          {
            name: 'config',
            placeholder: 'FILE',
            description: 'configuration file (default: ./fogbank.toml, then the usual place)',
          },
        ];
  return [...(command.options ?? []), ...fromSettings, ...config, { name: 'help', description: 'shows this help' }];
}

function settingDescription(spec: SettingSpec): string {
  return `${spec.description} (default: ${spec.default})`;
}

/**
 * Reads the words after the command's name. Flags may come before and after positional words, as `--name value` or
 * `--name=value`; `--` ends them. Returns `'help'` when help is asked for.
 * @throws UserError (exit code 2) for unknown flags, with the nearest known one; missing or superfluous values and words.
 */
export function parseArguments(command: Command, words: readonly string[]): Invocation | 'help' {
  const options = allOptions(command);
  const values = new Map<string, string>();
  const positionals: string[] = [];
  let rest: readonly string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    if (word === '--') {
      rest = words.slice(index + 1);
      if (command.rest === undefined && rest.length > 0) throw usage(command, `unexpected '${rest[0]}'`);
      break;
    }
    if (word === '-h') return 'help';
    if (!word.startsWith('-') || word === '-') {
      positionals.push(word);
      continue;
    }
    const [flag = '', inline] = splitOnce(word, '=');
    const option = options.find(candidate => `--${candidate.name}` === flag);
    if (option === undefined) throw unknownFlag(command, flag);
    if (option.name === 'help') return 'help';
    if (values.has(option.name)) throw usage(command, `${flag} is given twice`);
    if (option.placeholder === undefined) {
      if (inline !== undefined) throw usage(command, `${flag} takes no value`);
      values.set(option.name, option.value ?? '');
      continue;
    }
    const value = inline ?? words[++index];
    if (value === undefined) throw usage(command, `${flag} needs a value: ${flag} ${option.placeholder}`);
    values.set(option.name, value);
  }
  checkPositionals(command, positionals);
  const given: Partial<Record<SettingName, string>> = {};
  for (const option of options) {
    const value = values.get(option.name);
    if (option.setting !== undefined && value !== undefined) given[option.setting] = value;
  }
  return {
    positionals,
    rest,
    has: option => values.has(option),
    value: option => values.get(option),
    settings: given,
    configFile: command.settings === undefined ? undefined : values.get('config'),
  };
}

function checkPositionals(command: Command, words: readonly string[]): void {
  const specs = command.positionals ?? [];
  const missing = specs.find((spec, index) => spec.required && words[index] === undefined);
  if (missing !== undefined) throw usage(command, `${missing.name} is missing`);
  const extra = words[specs.length];
  if (extra !== undefined) throw usage(command, `unexpected '${extra}'`);
  for (const [index, word] of words.entries()) {
    const choices = specs[index]?.choices;
    if (choices === undefined || choices.includes(word)) continue;
    const guess = nearest(word, choices);
    throw usage(command, `'${word}' is none of ${choices.join(', ')}`, guess && `Did you mean '${guess}'?`);
  }
}

function splitOnce(word: string, separator: string): [string, string | undefined] {
  const at = word.indexOf(separator);
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function unknownFlag(command: Command, flag: string): Error {
  const guess = nearest(
    flag,
    allOptions(command).map(option => `--${option.name}`),
  );
  return usage(command, `there is no flag ${flag}`, guess && `Did you mean ${guess}?`);
}

function usage(command: Command, message: string, hint = `See fogbank ${command.name} --help`): Error {
  return usageError(`${command.name}: ${message}`, hint);
}
