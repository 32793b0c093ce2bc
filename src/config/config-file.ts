import { readFileSync, statSync } from 'node:fs';
import { nearest } from './nearest.ts';
import { configFileCandidates, type Host } from './paths.ts';
import { type SettingName, settingNames, settings } from './settings.ts';
import { UserError } from './user-error.ts';

export interface ConfigFile {
  readonly path: string;
  readonly values: Partial<Record<SettingName, string>>;
}

/**
 * Reads the named file, or the first of the usual ones that exists.
 * @throws UserError when a named file is missing, when it is not TOML, for unknown keys and wrong types, and when
 *   it belongs to somebody else (who could then decide what runs here with this user's rights).
 */
export async function readConfigFile(host: Host, named: string | undefined): Promise<ConfigFile | undefined> {
  for (const path of named === undefined ? configFileCandidates(host) : [named]) {
    const owner = statSync(path, { throwIfNoEntry: false })?.uid;
    if (owner === undefined) continue;
    if (named === undefined && owner !== 0 && owner !== host.uid && String(owner) !== host.env.SUDO_UID) {
      throw new UserError(
        `${path} belongs to another user, so it is not used`,
        'Give it with --config to use it all the same, or run this in another folder.',
      );
    }
    return { path, values: await parseConfigFile(path) };
  }
  if (named !== undefined) throw new UserError(`the configuration file ${named} does not exist`);
  return undefined;
}

async function parseConfigFile(path: string): Promise<ConfigFile['values']> {
  let source: string;
  try {
    source = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  // Loaded only where there is a file, since it costs time at every start.
  const { parse } = await import('smol-toml');
  let table: Record<string, unknown>;
  try {
    table = parse(source);
  } catch (error) {
    throw new UserError(`${path} is not valid TOML: ${error instanceof Error ? error.message : String(error)}`);
  }
  const values: Partial<Record<SettingName, string>> = {};
  for (const [key, value] of Object.entries(table)) {
    const name = settingNames.find(candidate => settings[candidate].name === key);
    if (name === undefined) {
      const guess = nearest(
        key,
        settingNames.map(candidate => settings[candidate].name),
      );
      throw new UserError(`${path}: there is no setting '${key}'`, guess && `Did you mean '${guess}'?`);
    }
    if (typeof value !== 'string') throw new UserError(`${path}: the value of '${key}' must be a string in quotes`);
    values[name] = value;
  }
  return values;
}
