import { probe } from './doctor/check.ts';
import type { SystemPackage } from './packages.ts';

/** An AWS client that acceptance tests run when the machine has it. */
interface TestClient {
  /** Succeeds where it can be used. */
  readonly command: readonly string[];
  readonly debianPackage: string;
}

const clients: readonly TestClient[] = [
  { command: ['aws', '--version'], debianPackage: 'awscli' },
  { command: ['python3', '-c', 'import boto3'], debianPackage: 'python3-boto3' },
];

/** Debian packages of the clients that this machine lacks; Debian has none of Terraform. */
export async function clientPackages(): Promise<SystemPackage[]> {
  const problems = await Promise.all(clients.map(client => probe(client.command)));
  return clients
    .filter((_, index) => problems[index]?.ok !== true)
    .map(({ debianPackage }) => ({ provides: `/var/lib/dpkg/info/${debianPackage}.list`, name: debianPackage }));
}
