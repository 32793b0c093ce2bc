import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateKeyPairCommand,
  CreateSecurityGroupCommand,
  type EC2Client,
  type Instance,
  type IpPermission,
  RevokeSecurityGroupIngressCommand,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { eventually } from './eventually.ts';
import { Login } from './login.ts';
import { ec2Client, findInstance, sdkSettings } from './sdk.ts';
import { startServer, type TestServer } from './server.ts';

/** A server with real machines, a key pair, and what tests of guests need again and again. */
export interface Guests {
  readonly server: TestServer;
  readonly ec2: EC2Client;
  readonly keyFile: string;
  /** Launches one instance and returns once the API says that it runs, which is before anybody can log in. */
  launch(input?: Partial<RunInstancesCommandInput>): Promise<Instance>;
  /** Waits for a state as the API tells it. @throws Error when it does not come within the seconds. */
  inState(instanceId: string, state: string, seconds?: number): Promise<Instance>;
  /** Logs in by the public address that the API reports now. */
  login(instanceId: string, user?: string): Promise<Login>;
  /** The AMI of a public parameter. */
  image(parameter: string): Promise<string>;
  /** A security group with these rules for incoming traffic. */
  group(name: string, ...rules: IpPermission[]): Promise<string>;
  allow(groupId: string, ...rules: IpPermission[]): Promise<void>;
  disallow(groupId: string, ...rules: IpPermission[]): Promise<void>;
  terminate(...instanceIds: string[]): Promise<void>;
}

/** Anybody may come to this TCP port. */
export function tcp(port: number): IpPermission {
  return { IpProtocol: 'tcp', FromPort: port, ToPort: port, IpRanges: [{ CidrIp: '0.0.0.0/0' }] };
}

/** @param parameter public parameter of the AMI, @param user whom the AMI lets in */
export async function startGuests(options: {
  publicPool: string;
  parameter: string;
  user: string;
  words?: readonly string[];
}): Promise<Guests> {
  const { publicPool, words = [] } = options;
  const server = await startServer({ engine: 'qemu', publicPool, words });
  const ec2 = ec2Client(server.env);
  const keyFile = join(server.folder, 'key.pem');
  try {
    const { KeyMaterial } = await ec2.send(new CreateKeyPairCommand({ KeyName: 'test', KeyType: 'ed25519' }));
    await writeFile(keyFile, KeyMaterial ?? '', { mode: 0o600 });
  } catch (error) {
    await server.stop();
    throw error;
  }
  const guests: Guests = {
    server,
    ec2,
    keyFile,
    async launch(input) {
      const { Instances } = await ec2.send(
        new RunInstancesCommand({
          ImageId: input?.ImageId ?? (await guests.image(options.parameter)),
          InstanceType: 't3.micro',
          KeyName: 'test',
          MinCount: 1,
          MaxCount: 1,
          ...input,
        }),
      );
      return guests.inState(Instances?.[0]?.InstanceId ?? '', 'running');
    },
    inState(instanceId, state, seconds = 120) {
      let last: string | undefined;
      return eventually(`instance in state ${state}`, seconds, async () => {
        const instance = await findInstance(ec2, instanceId);
        last = instance.State?.Name;
        if (last === state) return instance;
        throw new Error(`${instanceId} is ${last}: ${instance.StateReason?.Message ?? ''}`);
      });
    },
    async login(instanceId, user = options.user) {
      const { PublicIpAddress: address } = await findInstance(ec2, instanceId);
      if (address === undefined) throw new Error(`${instanceId} has no public address`);
      return new Login({ user, address, keyFile });
    },
    async image(Name) {
      const ssm = new SSMClient(sdkSettings(server.env));
      const { Parameter } = await ssm.send(new GetParameterCommand({ Name }));
      return Parameter?.Value ?? '';
    },
    async group(name, ...rules) {
      const { GroupId = '' } = await ec2.send(new CreateSecurityGroupCommand({ GroupName: name, Description: name }));
      if (rules.length > 0) await guests.allow(GroupId, ...rules);
      return GroupId;
    },
    async allow(GroupId, ...IpPermissions) {
      await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions }));
    },
    async disallow(GroupId, ...IpPermissions) {
      await ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId, IpPermissions }));
    },
    async terminate(...InstanceIds) {
      await ec2.send(new TerminateInstancesCommand({ InstanceIds }));
      for (const id of InstanceIds) await guests.inState(id, 'terminated');
    },
  };
  return guests;
}

/** Base64 of a text, as RunInstances takes user data. */
export function userData(text: string | Uint8Array): string {
  return Buffer.from(text).toString('base64');
}
