import { createHash } from 'node:crypto';
import type { PrefixListRow } from './model.ts';

/**
 * Prefix lists that AWS manages: the addresses of services with gateway endpoints. No such service is here, so they have
 * no entries, and routes to them take nothing away from others.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html
 */
export const gatewayServices = ['s3', 'dynamodb'] as const;
export type GatewayService = (typeof gatewayServices)[number];

/** `com.amazonaws.us-east-1.s3`: the name of an endpoint service and of its prefix list. */
export function serviceName(region: string, service: GatewayService): string {
  return `com.amazonaws.${region}.${service}`;
}

/** The same in every installation, as on EC2. */
export function awsPrefixListId(region: string, service: GatewayService): string {
  const digest = createHash('sha256').update(serviceName(region, service)).digest('hex');
  return `pl-${digest.slice(0, 8)}`;
}

/** What a Region has of them, as rows that are in no table. */
export function awsPrefixLists(region: string): PrefixListRow[] {
  return gatewayServices.map(service => ({
    prefixListId: awsPrefixListId(region, service),
    owner: `AWS/${region}`,
    prefixListName: serviceName(region, service),
    addressFamily: 'IPv4',
    // Their weight in route tables and security groups.
    maxEntries: 1,
    version: 1,
    state: 'create-complete',
  }));
}

export function findAwsPrefixList(region: string, id: string): PrefixListRow | undefined {
  return awsPrefixLists(region).find(row => row.prefixListId === id);
}
