import type { CreateSubnetResult, CreateVpcResult, Subnet, Vpc } from '@aws-sdk/client-ec2';
import type { TestApi } from '../../api/testing.ts';

/** Makes a VPC, 10.0.0.0/16 unless told otherwise. */
export async function makeVpc(
  api: TestApi,
  input: object = {},
  options: { account?: string; region?: string } = {},
): Promise<Vpc & { VpcId: string }> {
  const { Vpc: made } = await api.call<CreateVpcResult>('CreateVpc', { CidrBlock: '10.0.0.0/16', ...input }, options);
  return { ...made, VpcId: made?.VpcId ?? '' };
}

/** Makes a subnet, 10.0.0.0/24 unless told otherwise. */
export async function makeSubnet(
  api: TestApi,
  VpcId: string,
  input: object = {},
  options: { account?: string; region?: string } = {},
): Promise<Subnet & { SubnetId: string }> {
  const result = await api.call<CreateSubnetResult>(
    'CreateSubnet',
    { VpcId, CidrBlock: '10.0.0.0/24', ...input },
    options,
  );
  return { ...result.Subnet, SubnetId: result.Subnet?.SubnetId ?? '' };
}
