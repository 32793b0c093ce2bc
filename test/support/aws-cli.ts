import { output, type RunResult, run } from './process.ts';

/**
 * The AWS CLI, written as on a command line: aws`ec2 stop-instances --instance-ids ${id}` is its output without the
 * line end. There is no shell: words are what spaces separate in the literal text, and an inserted value is one word,
 * or part of one, whatever is in it (an array is as many words as it has items).
 */
export interface AwsCli {
  (command: TemplateStringsArray, ...values: CliValue[]): Promise<string>;
  /** The same with `--output json`, parsed. `T` is what the test reads of it. */
  json<T>(command: TemplateStringsArray, ...values: CliValue[]): Promise<T>;
  /** A call that must fail: its exit code and what it said, as in `An error occurred (CODE) when calling …`. */
  failure(command: TemplateStringsArray, ...values: CliValue[]): Promise<RunResult>;
}

type CliValue = string | number | readonly string[];

/** The CLI with the environment of a server; text is its default output. */
export function awsCli(serverEnv: NodeJS.ProcessEnv, cwd: string): AwsCli {
  const env = { ...serverEnv, AWS_DEFAULT_OUTPUT: 'text' };
  const aws = async (command: TemplateStringsArray, ...values: CliValue[]): Promise<string> =>
    (await output('aws', commandWords(command, values), { env, cwd })).trimEnd();
  return Object.assign(aws, {
    async json<T>(command: TemplateStringsArray, ...values: CliValue[]): Promise<T> {
      return JSON.parse(await output('aws', [...commandWords(command, values), '--output', 'json'], { env, cwd })) as T;
    },
    async failure(command: TemplateStringsArray, ...values: CliValue[]): Promise<RunResult> {
      const words = commandWords(command, values);
      const result = await run('aws', words, { env, cwd });
      if (result.code === 0) throw new Error(`aws ${words.join(' ')} succeeded: ${result.stdout}`);
      return result;
    },
  });
}

function commandWords(literals: TemplateStringsArray, values: readonly CliValue[]): string[] {
  const words: string[] = [];
  let open = false;
  const append = (text: string): void => {
    if (open) words[words.length - 1] += text;
    else words.push(text);
    open = true;
  };
  literals.forEach((literal, index) => {
    literal.split(/\s+/).forEach((part, position) => {
      if (position > 0) open = false;
      if (part !== '') append(part);
    });
    const value = values[index];
    if (typeof value === 'object') {
      words.push(...value);
      open = false;
    } else if (value !== undefined) append(String(value));
  });
  return words;
}
