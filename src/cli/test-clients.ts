import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { probe } from './doctor/check.ts';
import { ensurePackages } from './packages.ts';

/** An AWS client that acceptance tests run. */
interface TestClient {
  /** Python package. */
  readonly name: string;
  /** Prints its version. */
  readonly command: readonly string[];
  /** The oldest versions, by their first number, that read AWS_ENDPOINT_URL: Debian 12 has older ones. */
  readonly since: Readonly<Record<number, number>>;
}

const clients: readonly TestClient[] = [
  { name: 'awscli', command: ['aws', '--version'], since: { 1: 29, 2: 13 } },
  { name: 'boto3', command: ['python3', '-c', 'import boto3; print(boto3.__version__)'], since: { 1: 28 } },
];

/**
 * Makes the AWS CLI and boto3 available: where this machine has none that are new enough, from Python's package index
 * into a virtual environment at `folder`. Returns the folder with their commands, to be put first on PATH, and what
 * could not be had; undefined when nothing was needed. Terraform must be there already: no registry has it.
 * @throws UserError when Python is missing and cannot be installed; Error when no environment can be made.
 */
export async function installClients(folder: string): Promise<{ commands: string; problems: string[] } | undefined> {
  const found = await Promise.all(clients.map(async client => isUsable(client, (await probe(client.command)).output)));
  if (found.every(Boolean)) return undefined;
  const commands = join(folder, 'bin');
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return { commands, problems: [] };
  await ensurePackages([{ provides: '/usr/share/doc/python3-venv', name: 'python3-venv' }], 'to install AWS clients');
  // A virtual environment cannot be moved when it is complete, so that a mark tells one that was interrupted.
  await rm(folder, { recursive: true, force: true });
  await must(['/usr/bin/python3', '-m', 'venv', folder]);
  const pip = [join(commands, 'python3'), '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  const problems: string[] = [];
  // One by one: an index may have the one and not the other.
  for (const { name } of clients) await must([...pip, name]).catch((error: Error) => problems.push(error.message));
  if (problems.length > 0) return { commands, problems };
  await writeFile(complete, '');
  return { commands, problems: [] };
}

async function must(words: readonly string[]): Promise<void> {
  const result = await probe(words, '', 10 * 60_000);
  if (!result.ok) throw new Error(`${words.slice(1).join(' ')} failed: ${result.error.split('\n').at(-1)}`);
}

/** Why tests cannot use a client of this machine, or undefined when they can. */
export async function clientProblem(name: 'awscli' | 'boto3'): Promise<string | undefined> {
  const client = clients.find(candidate => candidate.name === name);
  if (client === undefined) return `there is no client ${name}`;
  const { ok, output, error } = await probe(client.command);
  if (!ok) return `${client.command[0]}: ${error.split('\n').at(-1)}`;
  return isUsable(client, output) ? undefined : `${output.trim()} does not read AWS_ENDPOINT_URL yet`;
}

/** Judges what a client printed about its version: `aws-cli/2.13.1 Python/…` or `1.28.0`. */
export function isUsable({ since }: Pick<TestClient, 'since'>, output: string): boolean {
  const [, major, minor] = /(?:^|\/)(\d+)\.(\d+)\./.exec(output) ?? [];
  const least = since[Number(major)];
  return least !== undefined && Number(minor) >= least;
}
