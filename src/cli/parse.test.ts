import { describe, expect, test } from 'vitest';
import type { Command } from './command.ts';
import { commandHelp } from './help.ts';
import { parseArguments } from './parse.ts';

const command: Command = {
  name: 'try',
  summary: 'tries',
  positionals: [
    { name: 'ACTION', required: true, choices: ['list', 'build'] },
    { name: 'FAMILY', required: false },
  ],
  rest: 'COMMAND',
  settings: ['data'],
  options: [
    { name: 'force', description: 'a switch' },
    { name: 'mirror', placeholder: 'URL', description: 'a value' },
  ],
  run: async () => 0,
};

function parse(...words: string[]) {
  const invocation = parseArguments(command, words);
  if (invocation === 'help') throw new Error('help');
  return invocation;
}

test('flags before, after and between words, with a space or an equals sign', () => {
  const invocation = parse('--force', 'build', '--mirror=http://x/?a=b', 'micro', '--data', '/d', '--config', 'c.toml');
  expect(invocation.positionals).toEqual(['build', 'micro']);
  expect(invocation.has('force')).toBe(true);
  expect(invocation.value('mirror')).toBe('http://x/?a=b');
  expect(invocation.settings).toEqual({ data: '/d' });
  expect(invocation.configFile).toBe('c.toml');
});

test('a setting may have a switch, which stands for one of its values', () => {
  const withSwitch = { ...command, settings: ['data', 'warm'] as const };
  const words = (...given: string[]) => parseArguments(withSwitch, ['list', ...given]);
  expect(words('--no-warm', '--data', '/d')).toMatchObject({ settings: { warm: 'off', data: '/d' } });
  expect(words()).toMatchObject({ settings: {} });
  expect(() => words('--no-warm=off')).toThrow('--no-warm takes no value');
  expect(commandHelp(withSwitch)).toMatch(/--no-warm {2,}every instance boots/);
});

test('what follows -- is left alone', () => {
  expect(parse('list', '--', '--force', '-x', '--').rest).toEqual(['--force', '-x', '--']);
  expect(parse('list', '--').rest).toEqual([]);
});

describe('refused with exit code 2', () => {
  test.each([
    [['list', '--froce'], 'there is no flag --froce', 'Did you mean --force?'],
    [['list', '--zzzzzzz'], 'there is no flag --zzzzzzz', 'See fogbank try --help'],
    [['list', '-f'], 'there is no flag -f', 'See fogbank try --help'],
    [['list', '--force=1'], '--force takes no value', undefined],
    [['list', '--force', '--force'], '--force is given twice', undefined],
    [['list', '--mirror'], '--mirror needs a value', undefined],
    [['buidl'], "'buidl' is none of list, build", "Did you mean 'build'?"],
    [[], 'ACTION is missing', undefined],
    [['list', 'micro', 'more'], "unexpected 'more'", undefined],
  ])('%j', (words, message, hint) => {
    expect(() => parseArguments(command, words)).toThrow(
      expect.objectContaining({
        name: 'UserError',
        exitCode: 2,
        message: expect.stringContaining(message),
        ...(hint && { hint }),
      }),
    );
  });

  test('-- where nothing may follow', () => {
    expect(() => parseArguments({ ...command, rest: undefined }, ['list', '--', 'x'])).toThrow("unexpected 'x'");
  });
});

test.each([['--help'], ['-h'], ['build', '--help'], ['--force', '-h']])('help is asked for by %j', (...words) => {
  expect(parseArguments(command, words)).toBe('help');
});

test('the help names every flag, every variable and every word', () => {
  const help = commandHelp(command);
  for (const part of [
    'try list|build [FAMILY]',
    '[-- COMMAND]',
    '--force',
    '--mirror URL',
    '--data DIR',
    '--config FILE',
    'FOGBANK_DATA',
  ]) {
    expect(help).toContain(part);
  }
  expect(Math.max(...help.split('\n').map(line => line.length))).toBeLessThanOrEqual(100);
});
