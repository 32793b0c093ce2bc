import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../config/user-error.ts';
import { type Ec2Client, ServiceError } from '../client.ts';
import { probe } from '../doctor/check.ts';
import { keyFile, sshArguments } from '../ssh-target.ts';
import type { XmlElement } from '../xml.ts';
import { Guest } from './guest.ts';
import { identityCommand, userData } from './scripts.ts';
import type { Transcript } from './transcript.ts';

export interface Scenario {
  readonly transcript: Transcript;
  readonly client: Ec2Client;
  readonly dataDir: string;
  readonly image: { readonly name: string; readonly loginUser: string };
  /** Aborted by Ctrl-C. */
  readonly interrupted: AbortSignal;
}

/** Seconds for a boot: without KVM, a full Debian may take minutes. */
const bootPatience = 300;

type Undo = { readonly shown: string; readonly run: () => Promise<unknown> };

/**
 * Key pair, security group, instance, SSH, user data, identity document, stop and start, termination.
 * Whatever was made is removed at the end, in the reverse order, also after a failure or Ctrl-C.
 */
export async function playScenario(scenario: Scenario): Promise<void> {
  const undo: Undo[] = [];
  try {
    await play(scenario, undo);
  } finally {
    scenario.transcript.say('Clean up.');
    for (const { shown, run } of undo.reverse()) {
      await scenario.transcript.step(shown, run).catch(error => {
        process.stderr.write(
          `fogbank: could not clean up: ${error instanceof Error ? error.message : String(error)}\n`,
        );
      });
    }
  }
}

async function play({ transcript, client, dataDir, image, interrupted }: Scenario, undo: Undo[]): Promise<void> {
  const name = `fogbank-demo-${randomBytes(3).toString('hex')}`;
  const call: Ec2Client['call'] = (action, parameters) => {
    interrupted.throwIfAborted();
    return client.call(action, parameters);
  };

  transcript.say('A key pair and a security group.');
  const pem = keyFile(dataDir, name);
  const knownHosts = `${pem}.known_hosts`;
  undo.push({
    shown: `rm ${pem}`,
    run: () => Promise.all([pem, knownHosts].map(file => rm(file, { force: true }))),
  });
  undo.push({
    shown: `aws ec2 delete-key-pair --key-name ${name}`,
    run: () => client.call('DeleteKeyPair', { KeyName: name }),
  });
  await transcript.step(
    `aws ec2 create-key-pair --key-name ${name} --key-type ed25519 --query KeyMaterial --output text > ${pem}`,
    async () => {
      const answer = await call('CreateKeyPair', { KeyName: name, KeyType: 'ed25519' });
      await mkdir(dirname(pem), { recursive: true, mode: 0o700 });
      await writeFile(pem, answer.get('keyMaterial') ?? '', { mode: 0o600 });
    },
  );
  const group = await transcript.step(
    `aws ec2 create-security-group --group-name ${name} --description demo`,
    async () => (await call('CreateSecurityGroup', { GroupName: name, GroupDescription: 'demo' })).get('groupId') ?? '',
    id => id,
  );
  undo.push({
    shown: `aws ec2 delete-security-group --group-id ${group}`,
    run: () => client.call('DeleteSecurityGroup', { GroupId: group }),
  });

  transcript.say('An instance that runs a script at its first boot.');
  const imageId = await transcript.step(
    `aws ec2 describe-images --filters Name=name,Values=${image.name} --query 'Images[0].ImageId' --output text`,
    () => findImage(call, image.name, interrupted),
    id => id,
  );
  const launch = performance.now();
  const instanceId = await transcript.step(
    `aws ec2 run-instances --image-id ${imageId} --instance-type t3.micro --key-name ${name} --security-group-ids ${group} --user-data file://hello.sh`,
    async () => {
      const answer = await call('RunInstances', {
        ImageId: imageId,
        InstanceType: 't3.micro',
        MinCount: 1,
        MaxCount: 1,
        KeyName: name,
        SecurityGroupId: [group],
        UserData: Buffer.from(userData).toString('base64'),
        TagSpecification: [{ ResourceType: 'instance', Tag: [{ Key: 'Name', Value: name }] }],
      });
      return answer.items('instancesSet')[0]?.get('instanceId') ?? '';
    },
    id => `${id}\nhello.sh:\n${userData.trimEnd().replace(/^/gm, '  ')}`,
  );
  undo.push({
    shown: `aws ec2 terminate-instances --instance-ids ${instanceId} && aws ec2 wait instance-terminated --instance-ids ${instanceId}`,
    run: async () => {
      await client.call('TerminateInstances', { InstanceId: [instanceId] });
      await waitForState(client, instanceId, 'terminated', new AbortController().signal);
    },
  });
  const first = await transcript.step(
    `aws ec2 wait instance-running --instance-ids ${instanceId}`,
    () => waitForState(client, instanceId, 'running', interrupted),
    instance => `public address ${instance.get('ipAddress')}, private address ${instance.get('privateIpAddress')}`,
  );
  const source = await hostAddress(first.get('ipAddress') ?? '');
  await transcript.step(
    `aws ec2 authorize-security-group-ingress --group-id ${group} --protocol tcp --port 22 --cidr ${source}`,
    () =>
      call('AuthorizeSecurityGroupIngress', {
        GroupId: group,
        IpPermissions: [{ IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: source }] }],
      }),
  );

  transcript.say('Log in.');
  const login = (instance: XmlElement): Guest => {
    const target = { instanceId, address: instance.get('ipAddress') ?? '', user: image.loginUser, keyName: name };
    return new Guest(sshArguments(target, { dataDir, knownHosts }), interrupted);
  };
  const guest = login(first);
  const prompt = `ssh -i ${pem} ${image.loginUser}@`;
  await transcript.step(
    `${prompt}${first.get('ipAddress')} 'id; uname -a; uptime'`,
    () => guest.waitFor('id; uname -a; uptime', bootPatience),
    output => `${output}from run-instances to this answer: ${((performance.now() - launch) / 1000).toFixed(1)} s`,
  );
  await transcript.step(
    `${prompt}${first.get('ipAddress')} cat /var/log/hello.log`,
    () => guest.waitFor('cat /var/log/hello.log', bootPatience),
    output => output,
  );
  await transcript.step(
    `${prompt}${first.get('ipAddress')} 'curl http://169.254.169.254/latest/dynamic/instance-identity/document'  # with an IMDSv2 token`,
    () => guest.run(identityCommand),
    output => output,
  );

  transcript.say('Stop and start: the same disk, the same private address.');
  await guest.run('echo "written before the stop" > note && sync');
  await transcript.step(
    `aws ec2 stop-instances --instance-ids ${instanceId} && aws ec2 wait instance-stopped --instance-ids ${instanceId}`,
    async () => {
      await call('StopInstances', { InstanceId: [instanceId] });
      await waitForState(client, instanceId, 'stopped', interrupted);
    },
  );
  const second = await transcript.step(
    `aws ec2 start-instances --instance-ids ${instanceId} && aws ec2 wait instance-running --instance-ids ${instanceId}`,
    async () => {
      await call('StartInstances', { InstanceId: [instanceId] });
      return waitForState(client, instanceId, 'running', interrupted);
    },
    instance => `public address ${instance.get('ipAddress')}, private address ${instance.get('privateIpAddress')}`,
  );
  if (second.get('privateIpAddress') !== first.get('privateIpAddress'))
    throw new UserError('the private address has changed');
  await transcript.step(
    `${prompt}${second.get('ipAddress')} 'cat note; wc -l < /var/log/hello.log'`,
    async () => {
      const output = await login(second).waitFor('cat note; wc -l < /var/log/hello.log', bootPatience);
      if (output.trim() !== 'written before the stop\n1') throw new UserError(`the disk has changed: ${output}`);
      return output;
    },
    output => `${output}(the user data ran at the first boot only)`,
  );
}

/** The newest AMI of this name. A server registers what was built a moment ago within seconds. */
async function findImage(call: Ec2Client['call'], name: string, interrupted: AbortSignal): Promise<string> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const answer = await call('DescribeImages', { Filter: [{ Name: 'name', Value: [name] }] });
    const id = answer.items('imagesSet')[0]?.get('imageId');
    if (id !== undefined) return id;
    await sleep(200, undefined, { signal: interrupted });
  }
  throw new UserError(`the server does not offer the AMI ${name}`, 'Was it started with another --image-cache?');
}

/** Waits as `aws ec2 wait` does. @throws UserError when the instance ends in a state from which it cannot get there. */
async function waitForState(
  client: Ec2Client,
  instanceId: string,
  wanted: string,
  interrupted: AbortSignal,
): Promise<XmlElement> {
  const until = performance.now() + bootPatience * 1000;
  for (;;) {
    const answer = await client.call('DescribeInstances', { InstanceId: [instanceId] }).catch(error => {
      // Terminated instances disappear after a while.
      if (wanted === 'terminated' && error instanceof ServiceError && error.code === 'InvalidInstanceID.NotFound')
        return undefined;
      throw error;
    });
    const instance = answer?.items('reservationSet')[0]?.items('instancesSet')[0];
    const state = instance?.get('instanceState', 'name');
    if (instance !== undefined && state === wanted) return instance;
    if (state === 'terminated' || performance.now() > until) {
      const reason = instance?.get('stateReason', 'message') ?? instance?.get('reason') ?? 'no reason given';
      throw new UserError(`${instanceId} is ${state ?? 'gone'} and not ${wanted}: ${reason}`);
    }
    await sleep(100, undefined, { signal: interrupted });
  }
}

/** The address that this machine reaches an instance from, as a prefix for a security group rule. */
async function hostAddress(destination: string): Promise<string> {
  const route = await probe(['ip', '-json', '-4', 'route', 'get', destination]);
  const found: unknown = route.ok ? JSON.parse(route.output) : undefined;
  const source = Array.isArray(found) ? (found[0] as { prefsrc?: unknown } | undefined)?.prefsrc : undefined;
  if (typeof source !== 'string') throw new UserError(`this machine has no route to ${destination}: ${route.error}`);
  return `${source}/32`;
}
