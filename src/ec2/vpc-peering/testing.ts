import type { CreateVpcPeeringConnectionResult } from '@aws-sdk/client-ec2';
import type { TestApi } from '../../api/testing.ts';
import { makeVpc } from '../vpcs/testing.ts';

/** Two VPCs of one account, 10.0.0.0/16 and 10.1.0.0/16, with a request from the first to the second. */
export async function requestPeering(api: TestApi) {
  const { VpcId } = await makeVpc(api);
  const { VpcId: PeerVpcId } = await makeVpc(api, { CidrBlock: '10.1.0.0/16' });
  const id = await askFor(api, { VpcId, PeerVpcId });
  return { VpcId, PeerVpcId, id };
}

/** Asks for a peering connection and returns its id. */
export async function askFor(api: TestApi, input: object, options: object = {}): Promise<string> {
  const made = await api.call<CreateVpcPeeringConnectionResult>('CreateVpcPeeringConnection', input, options);
  return made.VpcPeeringConnection?.VpcPeeringConnectionId ?? '';
}
