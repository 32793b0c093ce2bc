import type {
  AllocateAddressResult,
  CreateInternetGatewayResult,
  CreateNatGatewayResult,
  NatGateway,
} from '@aws-sdk/client-ec2';
import type { TestApi } from '../../api/testing.ts';
import { makeSubnet, makeVpc } from '../vpcs/testing.ts';
import { natGatewayController } from './controller.ts';
import { natGateways } from './model.ts';

/** Has the controller look at every NAT gateway, once. */
export async function settleNatGateways(api: TestApi): Promise<void> {
  const controller = natGatewayController({ state: api.state, clock: api.clock });
  for (const { row } of [...api.state.entries(natGateways)]) await controller.reconcile(row.natGatewayId);
}

export async function allocate(api: TestApi): Promise<{ AllocationId: string; PublicIp: string }> {
  const made = await api.call<AllocateAddressResult>('AllocateAddress', { Domain: 'vpc' });
  return { AllocationId: made.AllocationId ?? '', PublicIp: made.PublicIp ?? '' };
}

/** A VPC with a subnet and an internet gateway. */
export async function makePublicSubnet(api: TestApi, vpc: object = {}, subnet: object = {}) {
  const { VpcId } = await makeVpc(api, vpc);
  const { SubnetId } = await makeSubnet(api, VpcId, subnet);
  const made = await api.call<CreateInternetGatewayResult>('CreateInternetGateway');
  const InternetGatewayId = made.InternetGateway?.InternetGatewayId ?? '';
  await api.call('AttachInternetGateway', { InternetGatewayId, VpcId });
  return { VpcId, SubnetId, InternetGatewayId };
}

/** Makes a NAT gateway as asked for; it is settled. */
export async function makeNatGateway(api: TestApi, input: object): Promise<NatGateway & { NatGatewayId: string }> {
  const { NatGateway: made } = await api.call<CreateNatGatewayResult>('CreateNatGateway', input);
  await settleNatGateways(api);
  return { ...made, NatGatewayId: made?.NatGatewayId ?? '' };
}
