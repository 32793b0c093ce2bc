import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { problemWith, type RunResult, run } from './process.ts';
import { writeMirrorConfiguration } from './terraform-provider.ts';

/**
 * A copy of a Terraform configuration, initialized.
 *
 * The provider comes from where the user's Terraform takes it: a mirror or cache named in the CLI configuration
 * (TF_CLI_CONFIG_FILE), a plugin folder, HashiCorp's registry, else a mirror in a usual place.
 */
export class TerraformProject {
  readonly folder: string;
  /** Of the server to use, and variables (`TF_VAR_…`). */
  env: NodeJS.ProcessEnv = {};
  /** Terraform's own calls home are no part of this. */
  readonly #settings: Record<string, string> = { CHECKPOINT_DISABLE: '1', TF_IN_AUTOMATION: '1' };
  #configured: Record<string, string | number | boolean> = {};

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Copies a configuration. `problem` says why it cannot be used here; its folder is gone then. */
  static async open(source: string): Promise<{ project: TerraformProject; problem: string | undefined }> {
    const project = new TerraformProject(await mkdtemp(join(tmpdir(), 'fogbank-terraform-')));
    const problem = (await problemWith('terraform', 'version')) ?? (await project.#initialize(source));
    if (problem !== undefined) await project.remove();
    return { project, problem };
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Sets variables for this and later runs. */
  async configure(variables: Record<string, string | number | boolean>): Promise<void> {
    this.#configured = { ...this.#configured, ...variables };
    await writeFile(join(this.folder, 'changes.auto.tfvars.json'), JSON.stringify(this.#configured));
  }

  /** Runs Terraform; what fails throws all that it said. */
  async run(command: string, ...words: string[]): Promise<RunResult> {
    const result = await this.attempt(command, ...words);
    if (result.code !== 0)
      throw new Error(`terraform ${command} ended with code ${result.code}\n${result.stdout}\n${result.stderr}`);
    return result;
  }

  attempt(command: string, ...words: string[]): Promise<RunResult> {
    const asks = ['apply', 'destroy', 'plan', 'import'].includes(command);
    return run('terraform', [command, ...(asks ? ['-no-color', '-input=false'] : []), ...words], {
      cwd: this.folder,
      env: { ...this.env, ...this.#settings },
    });
  }

  /** `no changes`, or the plan. (`-detailed-exitcode`: 0 is an empty plan, 2 a plan with changes.) */
  async planned(): Promise<string> {
    const result = await this.attempt('plan', '-detailed-exitcode');
    if (result.code === 0) return 'no changes';
    if (result.code === 2) return result.stdout;
    throw new Error(result.stderr);
  }

  async outputs(): Promise<Record<string, unknown>> {
    const outputs = JSON.parse((await this.run('output', '-json')).stdout) as Record<string, { value: unknown }>;
    return Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value]));
  }

  /** `terraform init`. Returns why not, where the provider cannot be had. */
  async #initialize(source: string): Promise<string | undefined> {
    await cp(source, this.folder, { recursive: true });
    const problem = await this.#tryToInitialize();
    if (problem === undefined) return undefined;
    const mirror = await writeMirrorConfiguration(this.folder);
    if (mirror === undefined) return problem;
    this.#settings.TF_CLI_CONFIG_FILE = mirror;
    return this.#tryToInitialize();
  }

  async #tryToInitialize(): Promise<string | undefined> {
    const env = { ...process.env, ...this.#settings };
    const result = await run('terraform', ['init', '-no-color', '-input=false'], { cwd: this.folder, env });
    if (result.code === 0) return undefined;
    const said = result.stderr.replace(/[│╷╵\s]+/g, ' ');
    // A mistake in the configuration is a failure of the test; a provider out of reach is not.
    if (/Failed to (query available provider packages|install provider)/.test(said))
      return `its AWS provider is not at hand: ${said
        .replace(/^.*?Error: /, '')
        .trim()
        .slice(0, 300)}`;
    throw new Error(`terraform init: ${said}`);
  }
}
