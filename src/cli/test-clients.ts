import { probe } from './doctor/check.ts';
import { findCommand, type SystemPackage } from './packages.ts';

/** An AWS client that acceptance tests run when the machine has it. */
interface TestClient {
  readonly name: string;
  /** Why it cannot be used here, or undefined when it can. */
  readonly problem: () => Promise<string | undefined>;
  /** Debian's package of it, if there is one. */
  readonly debianPackage?: string;
}

const clients: readonly TestClient[] = [
  { name: 'the AWS CLI', problem: command('aws', '--version'), debianPackage: 'awscli' },
  { name: 'boto3', problem: command('python3', '-c', 'import boto3'), debianPackage: 'python3-boto3' },
  { name: 'Terraform', problem: command('terraform', 'version') },
];

function command(name: string, ...words: string[]): () => Promise<string | undefined> {
  return async () => {
    if (findCommand(name) === undefined) return `${name} is not installed`;
    const result = await probe([name, ...words]);
    return result.ok ? undefined : `${name} ${words.join(' ')} fails: ${result.error.split('\n').at(-1)}`;
  };
}

/** Clients that this machine cannot test with, each with the reason. */
export async function missingClients(): Promise<{ name: string; reason: string }[]> {
  const found = await Promise.all(clients.map(async client => ({ name: client.name, reason: await client.problem() })));
  return found.flatMap(({ name, reason }) => (reason === undefined ? [] : [{ name, reason }]));
}

/** Debian packages of the clients that this machine lacks. */
export async function clientPackages(): Promise<SystemPackage[]> {
  const missing = (await missingClients()).map(client => client.name);
  return clients
    .filter(client => missing.includes(client.name))
    .flatMap(({ debianPackage }) =>
      debianPackage === undefined
        ? []
        : [{ provides: `/var/lib/dpkg/info/${debianPackage}.list`, name: debianPackage }],
    );
}
