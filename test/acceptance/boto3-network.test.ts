import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientProblem } from '../../src/cli/test-clients.ts';
import { addressOperations } from '../../src/ec2/addresses/operations.ts';
import { byoipOperations } from '../../src/ec2/byoip/operations.ts';
import { dhcpOptionsOperations } from '../../src/ec2/dhcp-options/operations.ts';
import { egressOnlyGatewayOperations } from '../../src/ec2/egress-only-gateways/operations.ts';
import { flowLogOperations } from '../../src/ec2/flow-logs/operations.ts';
import { internetGatewayOperations } from '../../src/ec2/internet-gateways/operations.ts';
import { natGatewayOperations } from '../../src/ec2/nat-gateways/operations.ts';
import { networkAclOperations } from '../../src/ec2/network-acls/operations.ts';
import { networkInterfaceOperations } from '../../src/ec2/network-interfaces/operations.ts';
import { prefixListOperations } from '../../src/ec2/prefix-lists/operations.ts';
import { reachabilityOperations } from '../../src/ec2/reachability/operations.ts';
import { routeTableOperations } from '../../src/ec2/route-tables/operations.ts';
import { securityGroupOperations } from '../../src/ec2/security-groups/operations.ts';
import { subnetOperations } from '../../src/ec2/subnets/operations.ts';
import { vpcEndpointOperations } from '../../src/ec2/vpc-endpoints/operations.ts';
import { vpcPeeringOperations } from '../../src/ec2/vpc-peering/operations.ts';
import { vpcOperations } from '../../src/ec2/vpcs/operations.ts';
import { run, skipped } from '../support/process.ts';
import { pools, startServer, type TestServer } from '../support/server.ts';

/* boto3 walks through every action of networks. The walk is boto3_network.py; here it is run against a server. */

const walked = [
  addressOperations,
  byoipOperations,
  dhcpOptionsOperations,
  egressOnlyGatewayOperations,
  flowLogOperations,
  internetGatewayOperations,
  natGatewayOperations,
  networkAclOperations,
  networkInterfaceOperations,
  prefixListOperations,
  reachabilityOperations,
  routeTableOperations,
  securityGroupOperations,
  subnetOperations,
  vpcEndpointOperations,
  vpcPeeringOperations,
  vpcOperations,
].flatMap(list => list.map(operation => operation.name));

const folder = dirname(fileURLToPath(import.meta.url));
const skip = skipped('tests of networks with boto3', await clientProblem('boto3'));
const otherAccount = '222222222222';

describe.skipIf(skip)('boto3', () => {
  let server: TestServer;
  let otherKeys = '';

  beforeAll(async () => {
    server = await startServer({ engine: 'simulator', publicPool: pools.boto3Network });
    const made = JSON.parse(await server.fogbank('account', 'create', 'second', '--id', otherAccount, '--json'));
    otherKeys = `${made.AWS_ACCESS_KEY_ID} ${made.AWS_SECRET_ACCESS_KEY}`;
  });
  afterAll(() => server?.stop());

  test('walks every action of networks', async () => {
    expect(walked.length).toBeGreaterThan(110);
    const names = { OTHER_ACCOUNT: otherAccount, OTHER_KEYS: otherKeys, WALK: walked.join(' ') };
    // No compiled file beside the source.
    const env = { ...server.env, ...names, PYTHONDONTWRITEBYTECODE: '1' };
    const result = await run('python3', ['-m', 'unittest', '-v', 'boto3_network'], { cwd: folder, env });
    expect(result.code, result.stderr).toBe(0);
  });
});
