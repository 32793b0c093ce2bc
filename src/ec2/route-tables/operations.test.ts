import type { DescribeInternetGatewaysResult, DescribeRouteTablesResult } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';

test('the main table leads to the VPC itself and to the internet gateway', async () => {
  const api = createTestApi();
  const gateways = await api.call<DescribeInternetGatewaysResult>('DescribeInternetGateways');
  const gateway = gateways.InternetGateways?.[0]?.InternetGatewayId ?? '';
  const list = async (input: object = {}) =>
    (await api.call<DescribeRouteTablesResult>('DescribeRouteTables', input)).RouteTables ?? [];
  const all = await list();
  expect(all).toMatchObject([
    {
      Associations: [{ Main: true, AssociationState: { State: 'associated' } }],
      Routes: [
        { DestinationCidrBlock: '172.31.0.0/16', GatewayId: 'local', Origin: 'CreateRouteTable', State: 'active' },
        { DestinationCidrBlock: '0.0.0.0/0', GatewayId: gateway, Origin: 'CreateRoute', State: 'active' },
      ],
      PropagatingVgws: [],
    },
  ]);
  const finds = async (Name: string, value: string) => (await list({ Filters: [{ Name, Values: [value] }] })).length;
  expect(await finds('vpc-id', all[0]?.VpcId ?? '')).toBe(1);
  expect(await finds('association.main', 'true')).toBe(1);
  expect(await finds('association.main', 'false')).toBe(0);
  expect(await finds('route.gateway-id', 'local')).toBe(1);
  expect(await finds('route.gateway-id', gateway)).toBe(1);
  expect(await finds('route.destination-cidr-block', '0.0.0.0/0')).toBe(1);
  expect(await finds('route.nat-gateway-id', '*')).toBe(0);
  expect(await finds('association.subnet-id', 'subnet-00000001')).toBe(0);
});

test.each([
  [{ RouteTableIds: ['rtb-'] }, 'InvalidRouteTableId.Malformed'],
  [{ RouteTableIds: ['rtb-00000001'] }, 'InvalidRouteTableID.NotFound'],
  [{ Filters: [{ Name: 'x', Values: ['x'] }] }, 'InvalidParameterValue'],
  [{ MaxResults: 101 }, 'InvalidParameterValue'],
])('%j answers %s', async (input, code) => {
  expect((await createTestApi().fail('DescribeRouteTables', input)).code).toBe(code);
});
