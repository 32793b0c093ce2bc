import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  CloudTrailClient,
  CreateTrailCommand,
  LookupEventsCommand,
  StartLoggingCommand,
  StopLoggingCommand,
} from '@aws-sdk/client-cloudtrail';
import {
  CreateKeyPairCommand,
  CreateLaunchTemplateCommand,
  CreateSecurityGroupCommand,
  DescribeImagesCommand,
  DescribeInstanceAttributeCommand,
  EC2Client,
  ModifyInstanceAttributeCommand,
  RunInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import { EC2InstanceConnectClient, SendSSHPublicKeyCommand } from '@aws-sdk/client-ec2-instance-connect';
import {
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreateLoginProfileCommand,
  CreateRoleCommand,
  CreateUserCommand,
  IAMClient,
  UploadServerCertificateCommand,
} from '@aws-sdk/client-iam';
import {
  CreateKeyCommand,
  DecryptCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateRandomCommand,
  KMSClient,
  ReEncryptCommand,
} from '@aws-sdk/client-kms';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import {
  AssumeRoleCommand,
  type Credentials,
  GetCallerIdentityCommand,
  GetFederationTokenCommand,
  GetSessionTokenCommand,
  STSClient,
} from '@aws-sdk/client-sts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningServer, startServer } from '../../src/server.ts';
import { makeAccounts } from '../support/accounts.ts';
import { writeEmptyImage } from '../support/empty-image.ts';
import { eventually } from '../support/eventually.ts';
import { leaks, privateKey, type Secret, secret } from './forms.ts';

/*
 * Uses secrets of every kind, in calls that succeed, fail, are refused and are not supported, and then looks for them in
 * every file of the data folder, in the log, and in the events.
 */
const folder = mkdtempSync(join(tmpdir(), 'fogbank-audit-'));
const dataDir = join(folder, 'data');
const lines: string[] = [];
const secrets: Secret[] = [];
let server: RunningServer;

beforeAll(async () => {
  const [other] = makeAccounts(dataDir, ['111122223333']);
  if (other === undefined) throw new Error('no account was made');
  keep('the root secret of another account', other.secretAccessKey);
  writeEmptyImage(join(folder, 'images'));
  server = await startServer({
    dataDir,
    host: '127.0.0.1',
    port: 0,
    engine: 'simulator',
    publicPool: '198.19.0.0/16',
    imageCacheDir: join(folder, 'images'),
    log: line => lines.push(line),
  });
  const credentials = other;
  await new STSClient({ ...base(), credentials }).send(new GetCallerIdentityCommand());
});
afterAll(() => rmSync(folder, { recursive: true }));

const base = () => ({ endpoint: server.url, region: 'us-east-1', maxAttempts: 1 });
const keep = (name: string, text: string | undefined): string => {
  if (text === undefined || text.length < 12) throw new Error(`${name} is too short to be looked for`);
  secrets.push(secret(name, text));
  return text;
};
/** A secret of our own making. */
const make = (name: string): string => keep(name, `secret-${randomBytes(12).toString('hex')}`);
const failing = (call: Promise<unknown>) => expect(call).rejects.toThrow();

function session(name: string, credentials: Credentials | undefined) {
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = credentials ?? {};
  keep(`the secret key of ${name}`, SecretAccessKey);
  keep(`the session token of ${name}`, SessionToken);
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
}

it('no secret is in a file, the log or an event', { timeout: 120_000 }, async () => {
  const root = JSON.parse(readFileSync(join(dataDir, 'credentials.json'), 'utf8')) as { [name: string]: string };
  const credentials = { accessKeyId: root.accessKeyId ?? '', secretAccessKey: root.secretAccessKey ?? '' };
  keep('the root secret', credentials.secretAccessKey);
  const trail = new CloudTrailClient({ ...base(), credentials });
  await trail.send(new CreateTrailCommand({ Name: 'audit', S3BucketName: 'audit', IsMultiRegionTrail: true }));
  await trail.send(new StartLoggingCommand({ Name: 'audit' }));

  const bob = await users(new IAMClient({ ...base(), credentials }));
  await sessions(bob);
  await instances(new EC2Client({ ...base(), credentials: bob }));
  await keys(bob);
  await unsupported(bob);
  await refused(credentials);

  const looked = await trail.send(new LookupEventsCommand({ MaxResults: 50 }));
  expect(looked.Events?.length).toBeGreaterThan(15);
  await trail.send(new StopLoggingCommand({ Name: 'audit' }));
  const places = await eventually('files of the trail', 30, async () => {
    const found = filesOf(dataDir);
    if (!found.some(([name]) => name.endsWith('.json.gz'))) throw new Error('there is none');
    return found;
  });
  await server.close();
  places.push(...filesOf(dataDir), ['the log', Buffer.from(lines.join('\n'))]);
  places.push(['LookupEvents', Buffer.from(JSON.stringify(looked.Events))]);

  // What is looked for would be found: what stands beside the secrets is.
  for (const name of ['bob-of-audit', 'key-of-audit', 'kms-of-audit', bob.accessKeyId]) {
    const where = leaks([secret(name, name)], places).join();
    expect(where).toContain('fogbank.db');
    expect(where).toContain('LookupEvents');
    expect(where).toContain('.json.gz');
  }
  expect(secrets.length).toBeGreaterThan(25);
  expect(leaks(secrets, places)).toEqual([]);
});

async function users(iam: IAMClient) {
  const UserName = 'bob-of-audit';
  await iam.send(new CreateUserCommand({ UserName }));
  await iam.send(new CreateLoginProfileCommand({ UserName, Password: `A-${make('a password')}` }));
  const PolicyArn = 'arn:aws:iam::aws:policy/AdministratorAccess';
  await iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  const { AccessKeyId: accessKeyId = '', SecretAccessKey } = AccessKey ?? {};
  return { accessKeyId, secretAccessKey: keep("a user's secret key", SecretAccessKey) };
}

async function sessions(credentials: { accessKeyId: string; secretAccessKey: string }) {
  const sts = new STSClient({ ...base(), credentials });
  const AssumeRolePolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: '000000000000' }, Action: 'sts:AssumeRole' }],
  });
  const iam = new IAMClient({ ...base(), credentials });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName: 'role-of-audit', AssumeRolePolicyDocument }));
  const assumed = await sts.send(new AssumeRoleCommand({ RoleArn: Role?.Arn, RoleSessionName: 'audit' }));
  const plain = await sts.send(new GetSessionTokenCommand({}));
  const federated = await sts.send(new GetFederationTokenCommand({ Name: 'federated' }));
  for (const [name, made] of Object.entries({ assumed, plain, federated })) {
    const own = session(`the session ${name}`, made.Credentials);
    await new STSClient({ ...base(), credentials: own }).send(new GetCallerIdentityCommand());
    // Denied, and with a wrong secret.
    const wrong = { ...own, secretAccessKey: make(`a wrong secret of ${name}`) };
    await failing(new STSClient({ ...base(), credentials: wrong }).send(new GetCallerIdentityCommand()));
    const forged = { ...own, sessionToken: make(`a wrong session token of ${name}`) };
    await failing(new EC2Client({ ...base(), credentials: forged }).send(new DescribeImagesCommand({})));
  }
}

async function instances(ec2: EC2Client) {
  for (const KeyType of ['rsa', 'ed25519'] as const) {
    const { KeyMaterial = '' } = await ec2.send(
      new CreateKeyPairCommand({ KeyName: `key-of-audit-${KeyType}`, KeyType }),
    );
    secrets.push(...privateKey(`the ${KeyType} key`, KeyMaterial));
  }
  const encoded = (name: string) => Buffer.from(`#!/bin/sh\npassword=${make(name)}\n`).toString('base64');
  const { Images } = await ec2.send(new DescribeImagesCommand({ Owners: ['amazon'] }));
  const ImageId = Images?.[0]?.ImageId;
  const launch = { ImageId, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1 } as const;
  // With a client token, under which the answer is remembered.
  const once = { ...launch, UserData: encoded('user data'), ClientToken: 'audit' };
  const { Instances } = await ec2.send(new RunInstancesCommand(once));
  await ec2.send(new RunInstancesCommand(once));
  const InstanceId = Instances?.[0]?.InstanceId ?? '';
  await failing(
    ec2.send(new RunInstancesCommand({ ...launch, ImageId: 'ami-0', UserData: encoded('unused user data') })),
  );
  await failing(ec2.send(new RunInstancesCommand({ ...launch, UserData: make('user data that is not base64') })));
  await failing(ec2.send(new RunInstancesCommand({ ...launch, DryRun: true, UserData: encoded('dry user data') })));
  await ec2.send(new StopInstancesCommand({ InstanceIds: [InstanceId], Force: true }));
  const changed = { InstanceId, UserData: { Value: Buffer.from(make('changed user data')) } };
  await eventually('stopped instance', 20, () => ec2.send(new ModifyInstanceAttributeCommand(changed)));
  const read = await ec2.send(new DescribeInstanceAttributeCommand({ InstanceId, Attribute: 'userData' }));
  expect(Buffer.from(read.UserData?.Value ?? '', 'base64')).toEqual(changed.UserData.Value);
  const LaunchTemplateData = { UserData: encoded('user data of a template') };
  const template = new CreateLaunchTemplateCommand({ LaunchTemplateName: 'audit', LaunchTemplateData });
  await ec2.send(template).catch((error: Error) => expect(error.name).toBe('UnsupportedOperation'));
}

/** What is encrypted, data keys, and what fails to be read. */
async function keys(credentials: { accessKeyId: string; secretAccessKey: string }) {
  const kms = new KMSClient({ ...base(), credentials });
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description: 'kms-of-audit' }));
  const KeyId = KeyMetadata?.KeyId ?? '';
  const Plaintext = Buffer.from(make('a text that is encrypted'));
  const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext }));
  expect(Buffer.from((await kms.send(new DecryptCommand({ CiphertextBlob }))).Plaintext ?? [])).toEqual(Plaintext);
  await kms.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: KeyId }));
  await failing(kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: { a: 'b' } })));
  await failing(kms.send(new EncryptCommand({ KeyId: 'alias/none', Plaintext })));
  const dataKey = await kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }));
  const random = await kms.send(new GenerateRandomCommand({ NumberOfBytes: 32 }));
  for (const [name, bytes] of Object.entries({ 'a data key': dataKey.Plaintext, 'random bytes': random.Plaintext })) {
    secrets.push({ name, bytes: Buffer.from(bytes ?? []) });
  }
}

/** What Fogbank does not do has secrets in its parameters all the same. */
async function unsupported(credentials: { accessKeyId: string; secretAccessKey: string }) {
  const own = { ...base(), credentials };
  const parameter = { Name: '/db', Value: make('a parameter'), Type: 'SecureString' } as const;
  await new SSMClient(own).send(new PutParameterCommand(parameter)).catch(() => {});
  const certificate = {
    ServerCertificateName: 'audit',
    CertificateBody: 'x',
    PrivateKey: make('the private key of a certificate'),
  };
  await new IAMClient(own).send(new UploadServerCertificateCommand(certificate)).catch(() => {});
  const push = {
    InstanceId: 'i-0123456789abcdef0',
    InstanceOSUser: 'ec2-user',
    SSHPublicKey: 'ssh-ed25519 AAAA audit',
  };
  await new EC2InstanceConnectClient(own).send(new SendSSHPublicKeyCommand(push)).catch(() => {});
}

/** Requests that are refused before anybody looks at them: a bad signature, a bad parameter, a token in the URL. */
async function refused(credentials: { accessKeyId: string; secretAccessKey: string }) {
  const wrong = { ...credentials, secretAccessKey: make('a mistyped secret key') };
  const group = { GroupName: 'audit', Description: 'audit' };
  await failing(new EC2Client({ ...base(), credentials: wrong }).send(new CreateSecurityGroupCommand(group)));
  const token = make('a session token in a URL');
  const parameters = { 'X-Amz-Algorithm': 'AWS4-HMAC-SHA256', 'X-Amz-Security-Token': token, Action: 'DescribeVpcs' };
  const answer = await fetch(`${server.url}/?${new URLSearchParams(parameters)}`);
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(await answer.text()).not.toContain(token);
}

/** Every file but the two that hold the keys to all others; compressed ones as they are and unpacked. */
function filesOf(directory: string): [place: string, bytes: Buffer][] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return names
    .filter(name => statSync(join(directory, name)).isFile() && !/^(?:credentials\.json|secrets\.key)$/.test(name))
    .flatMap(name => {
      const bytes = readFileSync(join(directory, name));
      return name.endsWith('.gz')
        ? [[name, bytes] as const, [name, gunzipSync(bytes)] as const]
        : [[name, bytes] as const];
    })
    .map(([name, bytes]) => [name, bytes]);
}
