import type { ArnParts } from './access.ts';

interface Place {
  readonly account: string;
  readonly region: string;
}

/** EC2's resources whose ARNs name no account, since others may use them. */
const withoutAccount: ReadonlySet<string> = new Set(['image', 'snapshot']);

/**
 * ARN of an EC2 resource: `arn:aws:ec2:REGION:ACCOUNT:TYPE/ID`; every resource of the type without an id.
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
 */
export function arn(place: Place, type: string, id = '*'): string {
  return `arn:aws:ec2:${place.region}:${withoutAccount.has(type) ? '' : place.account}:${type}/${id}`;
}

/** ARNs of several resources of one type. */
export function arns(place: Place, type: string, ids: readonly string[] | undefined): string[] {
  return (ids ?? []).map(id => arn(place, type, id));
}

/** The parts of an ARN; undefined when the text is none. */
export function parseArn(text: string): ArnParts | undefined {
  if (!text.startsWith('arn:')) return undefined;
  const partition = text.indexOf(':', 4);
  const service = text.indexOf(':', partition + 1);
  const region = text.indexOf(':', service + 1);
  const account = text.indexOf(':', region + 1);
  if (partition < 0 || service < 0 || region < 0 || account < 0) return undefined;
  return {
    service: text.slice(partition + 1, service),
    region: text.slice(service + 1, region),
    account: text.slice(region + 1, account),
    resource: text.slice(account + 1),
  };
}
