import { ApiError } from '../api/errors.ts';

/**
 * EC2's default quotas of networks.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
 */
export const networkLimits = {
  vpcs: 5,
  subnetsPerVpc: 200,
  ipv4BlocksPerVpc: 5,
  ipv6BlocksPerVpc: 5,
  internetGateways: 5,
  egressOnlyInternetGateways: 5,
  natGatewaysPerZone: 5,
  elasticIpsPerNatGateway: 2,
  /** The primary one included. */
  privateIpsPerNatGateway: 8,
  routeTablesPerVpc: 200,
  /** Of a table, IPv4 and IPv6 apart. */
  routesPerTable: 50,
  networkAclsPerVpc: 200,
  /** Of a direction, IPv4 and IPv6 apart; the last rule does not count. */
  rulesPerNetworkAcl: 20,
  networkInterfaces: 5_000,
  elasticIps: 5,
  byoipCidrs: 5,
  prefixLists: 100,
  entriesPerPrefixList: 1_000,
  peeringConnectionsPerVpc: 50,
  /** That one account has asked for and nobody has answered. */
  outstandingPeeringConnections: 25,
  gatewayEndpoints: 20,
} as const;

/** @throws ApiError `code` when `present` resources are as many as there may be. */
export function checkLimit(present: number, limit: number, code: string, noun: string): void {
  if (present < limit) return;
  throw new ApiError(code, `The maximum number of ${noun} has been reached: ${limit}. Delete one that is not needed.`);
}
