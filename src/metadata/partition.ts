/** The partition of a Region and the domain of its service endpoints. */
export function partitionOf(region: string): { readonly name: string; readonly domain: string } {
  if (region.startsWith('cn-')) return { name: 'aws-cn', domain: 'amazonaws.com.cn' };
  if (region.startsWith('us-gov-')) return { name: 'aws-us-gov', domain: 'amazonaws.com' };
  return { name: 'aws', domain: 'amazonaws.com' };
}
