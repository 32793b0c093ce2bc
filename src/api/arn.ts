interface Place {
  readonly account: string;
  readonly region: string;
}

/**
 * ARN of an EC2 resource: `arn:aws:ec2:REGION:ACCOUNT:TYPE/ID`; every resource of the type without an id.
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
 */
export function arn(place: Place, type: string, id = '*'): string {
  return `arn:aws:ec2:${place.region}:${place.account}:${type}/${id}`;
}

/** ARNs of several resources of one type. */
export function arns(place: Place, type: string, ids: readonly string[] | undefined): string[] {
  return (ids ?? []).map(id => arn(place, type, id));
}
