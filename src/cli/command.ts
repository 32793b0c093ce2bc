import type { SettingName } from '../config/settings.ts';

/** A flag of one command only; flags that are settings are listed under `Command.settings`. */
export interface OptionSpec {
  /** Without the dashes. */
  readonly name: string;
  /** What the value is called in the help; a flag without one is a switch. */
  readonly placeholder?: string;
  readonly description: string;
}

export interface PositionalSpec {
  readonly name: string;
  readonly required: boolean;
  /** The words that are allowed here, for help and checking. */
  readonly choices?: readonly string[];
}

/**
 * One command of the tool. Its file has no other duties at load time: whatever is heavy is imported when `run`
 * begins, so that help and errors come at once.
 */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Paragraphs for the command's own help. */
  readonly description?: string;
  readonly positionals?: readonly PositionalSpec[];
  /** What follows `--` is taken as it is under this name, e.g. a command to run. */
  readonly rest?: string;
  readonly settings?: readonly SettingName[];
  readonly options?: readonly OptionSpec[];
  /** Returns the exit code. @throws UserError */
  run(invocation: Invocation): Promise<number>;
}

/** A command line after parsing. */
export interface Invocation {
  /** Words in the order of `Command.positionals`; optional ones may be missing. */
  readonly positionals: readonly string[];
  readonly rest: readonly string[];
  /** Whether a switch was given. */
  has(option: string): boolean;
  /** The value of an option of the command. */
  value(option: string): string | undefined;
  readonly settings: Partial<Record<SettingName, string>>;
  /** `--config FILE` */
  readonly configFile: string | undefined;
}
