import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientProblem } from '../../src/cli/test-clients.ts';
import { type AwsCli, awsCli } from '../support/aws-cli.ts';
import { eventually } from '../support/eventually.ts';
import { type Guests, startGuests, tcp } from '../support/guests.ts';
import type { Login } from '../support/login.ts';
import { output, run, skipped } from '../support/process.ts';
import { pools } from '../support/server.ts';

/* Why cannot one instance reach another? `fogbank why` and Reachability Analyzer say it, guests feel it, flow logs show it. */

const skip = skipped('tests of Reachability Analyzer with guests', await clientProblem('awscli'));
const fogbank = fileURLToPath(new URL('../../fogbank', import.meta.url));

/** Seconds for a boot, on a busy machine without KVM. */
const boot = 180;

describe.skipIf(skip)('a client and a web server', () => {
  let guests: Guests;
  let aws: AwsCli;
  let login: Login;
  let web: { id: string; address: string; eni: string };
  let client: { id: string; address: string; eni: string };
  let path: string;

  const launch = async (Value: string, group: string) => {
    const TagSpecifications = [{ ResourceType: 'instance' as const, Tags: [{ Key: 'Name', Value }] }];
    const made = await guests.launch({ SecurityGroupIds: [group], TagSpecifications });
    const { InstanceId: id = '', PrivateIpAddress: address = '', NetworkInterfaces } = made;
    return { id, address, eni: NetworkInterfaces?.[0]?.NetworkInterfaceId ?? '' };
  };
  const why = (...words: string[]) => run(fogbank, ['why', ...words, '--data', guests.server.dataDir]);
  /** What the SSH server of the web server says first; empty when nothing comes. */
  const knock = async () => (await login.attempt(`nc -w 5 ${web.address} 22 </dev/null | head -1`)).stdout.trim();
  const analyze = async () => {
    const id =
      await aws`ec2 start-network-insights-analysis --network-insights-path-id ${path} --query NetworkInsightsAnalysis.NetworkInsightsAnalysisId`;
    const seen = await aws.json<{
      NetworkInsightsAnalyses: { NetworkPathFound: boolean; Explanations: { ExplanationCode: string }[] }[];
    }>`ec2 describe-network-insights-analyses --network-insights-analysis-ids ${id}`;
    const [analysis] = seen.NetworkInsightsAnalyses;
    return { found: analysis?.NetworkPathFound, codes: analysis?.Explanations.map(one => one.ExplanationCode) };
  };

  beforeAll(async () => {
    guests = await startGuests({
      publicPool: pools.reachability,
      parameter: '/aws/service/fogbank/micro/latest/amd64',
      user: 'ec2-user',
    });
    aws = awsCli(guests.server.env, guests.server.folder);
    const vpc = await aws`ec2 describe-vpcs --query Vpcs[0].VpcId`;
    await aws`ec2 create-flow-logs --resource-type VPC --resource-ids ${vpc} --traffic-type ALL --log-destination-type s3 --log-destination arn:aws:s3:::logs --max-aggregation-interval 60`;
    web = await launch('web', await guests.group('web'));
    client = await launch('client', await guests.group('client', tcp(22)));
    path =
      await aws`ec2 create-network-insights-path --source ${client.id} --destination ${web.id} --protocol tcp --destination-port 22 --query NetworkInsightsPath.NetworkInsightsPathId`;
    login = await guests.login(client.id);
    await login.until('test -e /run/started', boot);
  });
  afterAll(async () => {
    await guests?.server.stop();
  });

  test('do not talk while the security group of the server is closed, and are told so', async () => {
    expect(await knock()).toBe('');
    const answer = await why('client', 'web:22');
    expect(answer.code).toBe(1);
    expect(answer.stdout).toContain(`no inbound rule for TCP port 22 from ${client.address}`);
    expect(await analyze()).toEqual({ found: false, codes: ['SG_HAS_NO_RULES'] });
  });

  test('do when the command that was printed has been run', async () => {
    const [command = ''] =
      (await why('client', 'web:22')).stdout.match(/aws ec2 authorize-security-group-ingress .*/) ?? [];
    await output('sh', ['-c', command], { env: guests.server.env });
    expect(await why('client', 'web:22')).toMatchObject({ code: 0 });
    expect(await analyze()).toEqual({ found: true, codes: [] });
    expect(await eventually('answer of SSH', boot, async () => (await knock()) || undefined)).toMatch(/^SSH-2\.0/);
  });

  test('are in the flow log, refused and accepted, at the interfaces that did it', async () => {
    const folder = join(guests.server.dataDir, 'buckets');
    const lines = async () => {
      const names = (await readdir(folder, { recursive: true }).catch(() => [])).filter(name => name.endsWith('.gz'));
      const texts = names.map(async name => gunzipSync(await readFile(join(folder, name))).toString());
      return (await Promise.all(texts)).join('').split('\n');
    };
    const seen = (eni: string, action: string) => async () => {
      const form = new RegExp(
        `^2 \\d+ ${eni} ${client.address} ${web.address} \\d+ 22 6 \\d+ \\d+ \\d+ \\d+ ${action} OK$`,
      );
      return (await lines()).find(line => form.test(line));
    };
    expect(await eventually('line of what was refused', 150, seen(web.eni, 'REJECT'), 2000)).toBeDefined();
    expect(await eventually('line of what was accepted', 150, seen(web.eni, 'ACCEPT'), 2000)).toBeDefined();
    expect(await seen(client.eni, 'REJECT')()).toBeUndefined();
  });
});
