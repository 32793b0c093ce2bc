import { dirname, isAbsolute, resolve } from 'node:path';
import { readConfigFile } from './config-file.ts';
import { splitListen } from './parsers.ts';
import { defaultDataDir, type Host, thisHost } from './paths.ts';
import { environmentVariable, type SettingName, type SettingSpec, settingNames, settings } from './settings.ts';
import { UserError, usageError } from './user-error.ts';

const gib = 2 ** 30;

/** Everything that can be configured, checked and with its defaults. */
export interface Configuration {
  readonly engine: 'qemu' | 'simulator';
  readonly host: string;
  readonly port: number;
  /** Absolute. */
  readonly dataDir: string;
  readonly publicPool: string;
  readonly uplink: string | undefined;
  readonly accel: 'kvm' | 'tcg' | undefined;
  /** Absolute; undefined leaves the choice to `src/images/cache.ts`. */
  readonly imageCacheDir: string | undefined;
  /** Bytes that frozen guests may take on the disk; 0 switches them off. */
  readonly warmBytes: number;
  readonly memoryOvercommit: number;
  readonly pageSharing: boolean;
  readonly volumeLimits: boolean;
  /** Seconds. */
  readonly instanceCredentials: number;
  readonly region: string;
  readonly accountId: string | undefined;
  readonly rootAccessKeyId: string | undefined;
  readonly rootSecretAccessKey: string | undefined;
}

export interface ConfigurationSources {
  /** Values of the flags that were given, by setting. */
  readonly flags?: Partial<Record<SettingName, string>>;
  /** `--config FILE`; else `FOGBANK_CONFIG`; else the usual places. */
  readonly configFile?: string;
  readonly host?: Host;
}

/**
 * The configuration: flags before `FOGBANK_…` variables before the configuration file before defaults.
 * An empty variable counts as not set.
 * @throws UserError naming the flag, variable or file and key that holds a wrong value.
 */
export async function resolveConfiguration(sources: ConfigurationSources = {}): Promise<Configuration> {
  const host = sources.host ?? thisHost();
  const named = sources.configFile ?? (host.env.FOGBANK_CONFIG || undefined);
  const file = await readConfigFile(host, named === undefined ? undefined : resolve(host.cwd, named));

  const chosen: Partial<Record<SettingName, string>> = {};
  for (const name of settingNames) {
    const spec: SettingSpec = settings[name];
    const variable = environmentVariable(spec);
    const flag = sources.flags?.[name];
    const fromEnvironment = host.env[variable] || undefined;
    const fromFile = file?.values[name];
    if (flag !== undefined) chosen[name] = check(spec, flag, `--${spec.name}`, host.cwd, usageError);
    else if (fromEnvironment !== undefined) chosen[name] = check(spec, fromEnvironment, variable, host.cwd);
    else if (fromFile !== undefined && file !== undefined) {
      chosen[name] = check(spec, fromFile, `${file.path}: '${spec.name}'`, dirname(file.path));
    }
  }

  if ((chosen.rootAccessKeyId === undefined) !== (chosen.rootSecretAccessKey === undefined)) {
    throw new UserError('the id and the secret of the root access key must be given together');
  }
  const listen = splitListen(chosen.listen ?? settings.listen.default);
  return {
    engine: chosen.engine === 'simulator' ? 'simulator' : 'qemu',
    host: listen.host,
    port: listen.port,
    dataDir: chosen.data ?? defaultDataDir(host),
    publicPool: chosen.publicPool ?? settings.publicPool.default,
    uplink: chosen.uplink,
    accel: chosen.accel === 'kvm' || chosen.accel === 'tcg' ? chosen.accel : undefined,
    imageCacheDir: chosen.imageCache,
    warmBytes: chosen.warm === 'off' ? 0 : Math.round(Number(chosen.warmBudget ?? settings.warmBudget.default) * gib),
    memoryOvercommit: Number(chosen.memoryOvercommit ?? settings.memoryOvercommit.default),
    pageSharing: chosen.pageSharing === 'on',
    volumeLimits: chosen.volumeLimits !== 'off',
    instanceCredentials: Math.round(Number(chosen.instanceCredentials ?? settings.instanceCredentials.default)),
    region: chosen.region ?? settings.region.default,
    accountId: chosen.accountId,
    rootAccessKeyId: chosen.rootAccessKeyId,
    rootSecretAccessKey: chosen.rootSecretAccessKey,
  };
}

function check(
  spec: SettingSpec,
  value: string,
  where: string,
  folder: string,
  makeError: (message: string) => UserError = message => new UserError(message),
): string {
  try {
    const checked = spec.parse(value);
    return spec.path && !isAbsolute(checked) ? resolve(folder, checked) : checked;
  } catch (error) {
    throw makeError(`${where} ${error instanceof Error ? error.message : String(error)}`);
  }
}
