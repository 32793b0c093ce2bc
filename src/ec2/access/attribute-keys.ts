import type { ConditionKeys } from '../../api/access.ts';

const notAttributes: ReadonlySet<string> = new Set(['Attribute', 'Value', 'DryRun', 'OperationType', 'Force']);

/**
 * `ec2:Attribute` and `ec2:Attribute/NAME` of a request that sets attributes, which it names by members of their own
 * (`DisableApiStop: { Value: true }`, `HttpTokens: 'required'`) or by `Attribute` and `Value`.
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html#amazonec2-policy-keys
 */
export function attributeKeys(input: object): ConditionKeys {
  const keys: Record<string, string | string[]> = {};
  const names: string[] = [];
  const set = (name: string, value: unknown) => {
    names.push(name);
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      keys[`ec2:Attribute/${name}`] = String(value);
  };
  for (const [member, value] of Object.entries(input)) {
    if (value === undefined || notAttributes.has(member) || /Ids?$/.test(member)) continue;
    set(member, typeof value === 'object' && value !== null && 'Value' in value ? value.Value : value);
  }
  const { Attribute: named, Value: value } = input as { readonly Attribute?: unknown; readonly Value?: unknown };
  if (typeof named === 'string' && named !== '') set(named.charAt(0).toUpperCase() + named.slice(1), value);
  if (names.length > 0) keys['ec2:Attribute'] = names;
  return keys;
}
