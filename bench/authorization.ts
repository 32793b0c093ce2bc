import { accessRules } from '../src/access.ts';
import { createAccount } from '../src/accounts/accounts.ts';
import { makeUser } from '../src/api/access-testing.ts';
import { createAuthorizer } from '../src/api/authorize.ts';
import type { Call } from '../src/api/call.ts';
import { systemClock } from '../src/api/clock.ts';
import type { ReadContext } from '../src/api/operation.ts';
import { createTestApi } from '../src/api/testing.ts';
import { launch } from '../src/ec2/testing.ts';
import { startGateway } from '../src/gateway/server.ts';
import { operations } from '../src/operations.ts';
import { keyLookup } from '../src/server/key-lookup.ts';
import { firstLine, machine } from './machine.ts';
import { load, median } from './process.ts';

/*
 * What authorization costs: the same calls by root, on whom no policy decides, and by a user with a policy of ten
 * statements, in turns; and the decision alone. Processor time is counted besides calls a second, since it depends
 * less on what else the machine does. `node bench/authorization.ts`
 */

const rounds = 7;
const duration = 2_000;
const account = '000000000000';

/** A policy as teams have one: what may be seen, launched under which conditions, and touched by tag. */
const arn = (type: string) => `arn:aws:ec2:*:${account}:${type}/*`;
const statements = [
  { Sid: 'See', Action: ['ec2:Describe*', 'ec2:Get*'] },
  {
    Sid: 'LaunchSmall',
    Action: 'ec2:RunInstances',
    Resource: arn('instance'),
    Condition: { StringLike: { 'ec2:InstanceType': ['t3.*', 't4g.*'] } },
  },
  {
    Sid: 'LaunchOn',
    Action: 'ec2:RunInstances',
    Resource: [
      arn('subnet'),
      arn('network-interface'),
      arn('security-group'),
      arn('volume'),
      arn('key-pair'),
      'arn:aws:ec2:*::image/*',
    ],
  },
  {
    Sid: 'TagAtLaunch',
    Action: 'ec2:CreateTags',
    Resource: '*',
    Condition: { StringEquals: { 'ec2:CreateAction': 'RunInstances' } },
  },
  {
    Sid: 'OwnInstances',
    Action: ['ec2:StartInstances', 'ec2:StopInstances', 'ec2:RebootInstances', 'ec2:TerminateInstances'],
    Resource: arn('instance'),
    Condition: { StringEquals: { 'aws:ResourceTag/team': ['blue', 'green'] } },
  },
  { Sid: 'Groups', Action: ['ec2:*SecurityGroup*'], Resource: arn('security-group') },
  { Sid: 'Keys', Action: ['ec2:CreateKeyPair', 'ec2:DeleteKeyPair'], Resource: arn('key-pair') },
  { Sid: 'Parameters', Action: ['ssm:GetParameter*'], Resource: 'arn:aws:ssm:*:*:parameter/*' },
  {
    Sid: 'OnlyHere',
    Effect: 'Deny',
    NotAction: ['iam:*', 'sts:*'],
    Condition: { StringNotEquals: { 'aws:RequestedRegion': ['us-east-1', 'eu-central-1'] } },
  },
  { Sid: 'NoImages', Effect: 'Deny', Action: ['ec2:ModifyImageAttribute', 'ec2:DeregisterImage'] },
];

const api = createTestApi();
const root = api.state.write(tx => createAccount(tx, api.secrets, { name: 'main', accountId: account }, Date.now()));
const user = await makeUser(api, 'ann', statements);
const made = await api.call<{ AccessKey: { AccessKeyId: string; SecretAccessKey: string } }>(
  'CreateAccessKey',
  { UserName: 'ann' },
  { service: 'iam' },
);
const [instance] = await launch(api, {
  TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'team', Value: 'blue' }] }],
});
const InstanceId = instance?.InstanceId ?? '';
const gateway = await startGateway({
  host: '127.0.0.1',
  port: 0,
  handle: api.handle,
  accessKey: keyLookup(api.state, api.secrets),
  clock: systemClock,
  regions: name => name === 'us-east-1',
});

const form = (text: string) => `${text}&Version=2016-11-15`;
const launching = { ImageId: instance?.ImageId, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1 };
const cases = [
  {
    name: 'DescribeInstances by id',
    operation: 'DescribeInstances',
    input: { InstanceIds: [InstanceId] },
    body: form(`Action=DescribeInstances&InstanceId.1=${InstanceId}`),
  },
  {
    name: 'RebootInstances, by a tag',
    operation: 'RebootInstances',
    input: { InstanceIds: [InstanceId] },
    body: form(`Action=RebootInstances&InstanceId.1=${InstanceId}`),
  },
  {
    name: 'RunInstances',
    operation: 'RunInstances',
    input: launching,
    body: form(`Action=RunInstances&ImageId=${instance?.ImageId}&InstanceType=t3.micro&MinCount=1&MaxCount=1`),
    // The VPC would fill up.
    calls: 400,
  },
] as const;

interface Cost {
  readonly perSecond: number;
  /** Microseconds of this process's time in each call. */
  readonly processor: number;
}

/** What calls cost by root and by the user, in turns. */
async function rates(body: string, calls?: number): Promise<{ root: Cost; user: Cost }> {
  const one = { region: 'us-east-1', body };
  const much = calls === undefined ? { calls: [one], duration } : { calls: Array(calls).fill(one), once: true };
  const job = { endpoint: gateway.url, concurrency: 8, ...much };
  const keys = {
    root: { accessKeyId: root.accessKeyId, secretAccessKey: root.secretAccessKey },
    user: { accessKeyId: made.AccessKey.AccessKeyId, secretAccessKey: made.AccessKey.SecretAccessKey },
  };
  const found = { root: [] as Cost[], user: [] as Cost[] };
  for (let at = 0; at <= rounds; at++) {
    for (const who of at % 2 === 0 ? (['root', 'user'] as const) : (['user', 'root'] as const)) {
      const before = process.cpuUsage();
      const result = await load({ ...job, ...keys[who] });
      const used = process.cpuUsage(before);
      if (result.failed > 0) throw new Error(result.failure);
      // The first round warms up.
      if (at > 0)
        found[who].push({ perSecond: result.perSecond, processor: (used.user + used.system) / result.answered });
    }
  }
  const middle = (costs: readonly Cost[]): Cost => ({
    perSecond: median(costs.map(cost => cost.perSecond)),
    processor: median(costs.map(cost => cost.processor)),
  });
  return { root: middle(found.root), user: middle(found.user) };
}

/** Microseconds of processor time of the decision alone. */
function decision(name: string, input: object): number {
  const operation = operations.find(one => one.service === 'ec2' && one.name === name);
  if (operation === undefined) throw new Error(`there is no ${name}`);
  const authorizer = createAuthorizer(accessRules);
  const call: Call = {
    requestId: '',
    service: 'ec2',
    operation: name,
    input: { ...input },
    region: 'us-east-1',
    principal: user,
    sourceAddress: '127.0.0.1',
    userAgent: 'bench',
  };
  const services = { secrets: api.secrets } as ReadContext['services'];
  const context = {
    call,
    account,
    region: 'us-east-1',
    owner: `${account}/us-east-1`,
    principal: user,
    db: api.state,
    now: Date.now(),
    services,
  };
  const times: number[] = [];
  for (let round = 0; round < 21; round++) {
    const before = process.cpuUsage();
    for (let at = 0; at < 5_000; at++) authorizer.authorize(operation, context);
    const used = process.cpuUsage(before);
    times.push((used.user + used.system) / 5_000);
  }
  return median(times.slice(1));
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);
print('# What authorization costs');
print('');
for (const fact of machine()) print(`- ${fact}`);
print(`- commit ${firstLine('git', 'rev-parse', '--short', 'HEAD') ?? 'unknown'}`);
print('');
print('Calls a second, and processor time of the server in each call (median of the rounds):');
print('');
print('| | root | user | the decision alone | of a call |');
print('|---|---|---|---|---|');
for (const one of cases) {
  const alone = decision(one.operation, one.input);
  const { root: byRoot, user: byUser } = await rates(one.body, 'calls' in one ? one.calls : undefined);
  const cell = ({ perSecond, processor }: Cost) => `${perSecond.toFixed(0)}/s, ${processor.toFixed(0)} µs`;
  const share = (alone * 100) / byUser.processor;
  print(`| ${one.name} | ${cell(byRoot)} | ${cell(byUser)} | ${alone.toFixed(1)} µs | ${share.toFixed(1)} % |`);
}
await gateway.close();
