import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../config/user-error.ts';
import type { Ec2Client } from './client.ts';
import type { XmlElement } from './xml.ts';

/** How to log in to an instance. */
export interface SshTarget {
  readonly instanceId: string;
  readonly address: string;
  readonly user: string;
  readonly keyName: string | undefined;
}

/** Login users by the AMI's name, as AWS's documentation has them; for AMIs that carry no tag about it. */
const users: readonly (readonly [prefix: string, user: string])[] = [
  ['debian-', 'admin'],
  ['ubuntu', 'ubuntu'],
  ['fogbank-micro-', 'ec2-user'],
  ['al2023-', 'ec2-user'],
];

/** The tag by which an AMI names its login user, for AMIs that users make. */
export const loginUserTag = 'fogbank:login-user';

/**
 * Finds a running instance by its id, its `Name` tag or one of its addresses; waits for one that is about to run.
 * @throws UserError when there is none, when a name fits several, or when it does not run.
 */
export async function findTarget(client: Ec2Client, name: string, user?: string): Promise<SshTarget> {
  const found = await findInstance(client, name);
  const instanceId = found.get('instanceId') ?? '';
  const instance = await settled(client, found, instanceId);
  const state = instance.get('instanceState', 'name');
  if (state !== 'running') throw new UserError(`${instanceId} is ${state}, so nobody can log in`);
  const address = instance.get('ipAddress') || instance.get('privateIpAddress');
  if (address === undefined || address === '') throw new UserError(`${instanceId} has no address`);
  return {
    instanceId,
    address,
    user: user ?? (await loginUser(client, instance.get('imageId') ?? '')),
    keyName: instance.get('keyName') || undefined,
  };
}

/** The instance once it is no longer `pending`: its state then tells whether it started. */
async function settled(client: Ec2Client, found: XmlElement, instanceId: string): Promise<XmlElement> {
  let instance = found;
  while (instance.get('instanceState', 'name') === 'pending') {
    await sleep(200);
    instance = await findInstance(client, instanceId);
  }
  return instance;
}

async function findInstance(client: Ec2Client, name: string): Promise<XmlElement> {
  if (/^i-[0-9a-f]+$/.test(name)) {
    const [found] = await instances(client, { InstanceId: [name] });
    if (found === undefined) throw new UserError(`there is no instance ${name}`);
    return found;
  }
  const filters = /^[\d.]+$/.test(name) ? ['ip-address', 'private-ip-address'] : ['tag:Name'];
  for (const filter of filters) {
    const found = await instances(client, {
      Filter: [
        { Name: filter, Value: [name] },
        { Name: 'instance-state-name', Value: ['pending', 'running', 'stopping', 'stopped'] },
      ],
    });
    if (found.length > 1) {
      const ids = found.map(instance => instance.get('instanceId')).join(', ');
      throw new UserError(`several instances are called ${name}: ${ids}`, 'Name one by its id.');
    }
    if (found[0] !== undefined) return found[0];
  }
  throw new UserError(`there is no instance ${name}`, 'Give an instance id, the value of a Name tag, or an address.');
}

async function instances(client: Ec2Client, parameters: Parameters<Ec2Client['call']>[1]): Promise<XmlElement[]> {
  const answer = await client.call('DescribeInstances', parameters);
  return answer.items('reservationSet').flatMap(reservation => reservation.items('instancesSet'));
}

/** AMIs of which AMIs were made that are looked at. */
const ancestors = 5;

/**
 * The login user of an AMI, by its tag, else by its name, else by those of the AMI that it was made of, else by that of
 * AWS's own AMIs.
 */
export async function loginUser(client: Ec2Client, imageId: string, depth = 0): Promise<string> {
  const answer = await client.call('DescribeImages', { ImageId: [imageId] }).catch(() => undefined);
  const image = answer?.items('imagesSet')[0];
  const tag = image
    ?.items('tagSet')
    .find(item => item.get('key') === loginUserTag)
    ?.get('value');
  if (tag !== undefined) return tag;
  const name = (image?.get('name') ?? '').toLowerCase();
  const known = users.find(([prefix]) => name.startsWith(prefix))?.[1];
  const source = image?.get('sourceImageId');
  if (known !== undefined || source === undefined || source === '' || depth === ancestors) return known ?? 'ec2-user';
  return loginUser(client, source, depth + 1);
}

/** Where the private key of a key pair is looked for when no `--identity` names it. */
export function keyFile(dataDir: string, keyName: string): string {
  // A key pair's name may hold any character; what is no file name is not looked for.
  return join(dataDir, 'keys', `${keyName.replaceAll('/', '_')}.pem`);
}

/**
 * Arguments for OpenSSH's client. Host keys are kept by instance id, in a file of ours: addresses are given to
 * another instance sooner or later, and ~/.ssh/known_hosts is not to fill up with them.
 */
export function sshArguments(
  target: SshTarget,
  options: { dataDir: string; identity?: string; knownHosts?: string },
): string[] {
  const identity =
    options.identity ?? (target.keyName === undefined ? undefined : keyFile(options.dataDir, target.keyName));
  const withKey = identity !== undefined && (options.identity !== undefined || existsSync(identity));
  return [
    ...(withKey ? ['-i', identity, '-o', 'IdentitiesOnly=yes'] : []),
    ...['-o', `UserKnownHostsFile=${configValue(options.knownHosts ?? join(options.dataDir, 'known_hosts'))}`],
    ...['-o', 'GlobalKnownHostsFile=none', '-o', `HostKeyAlias=${target.instanceId}`],
    ...['-o', 'StrictHostKeyChecking=accept-new', '-o', 'ConnectTimeout=15', '-o', 'ServerAliveInterval=15'],
    `${target.user}@${target.address}`,
  ];
}

/** A path as ssh_config reads it: quoted for its spaces, `%` doubled since it begins a token. */
function configValue(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}
