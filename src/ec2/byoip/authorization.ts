import type { CidrAuthorizationContext } from '@aws-sdk/client-ec2';

/**
 * What is wrong with the document that says that an account may bring a range: `1|aws|ACCOUNT|CIDR|YYYYMMDD|SHA256|RSAPSS`.
 * Its signature belongs to a certificate in a registry on the Internet, which is not asked.
 * @returns undefined when nothing is
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CidrAuthorizationContext.html
 */
export function objectionTo(
  { Message: message = '', Signature: signature = '' }: CidrAuthorizationContext,
  wanted: { readonly account: string; readonly cidr: string; readonly now: number },
): string | undefined {
  const [version, partition, account, cidr, date = '', digest, scheme, ...rest] = message.split('|');
  if (version !== '1' || partition !== 'aws' || digest !== 'SHA256' || scheme !== 'RSAPSS' || rest.length > 0)
    return 'The authorization message is not of the form 1|aws|ACCOUNT|CIDR|YYYYMMDD|SHA256|RSAPSS.';
  if (account !== wanted.account) return `The authorization message is for the account ${account}.`;
  if (cidr !== wanted.cidr) return `The authorization message is for the range ${cidr}.`;
  const [, year, month, day] = /^(\d{4})(\d{2})(\d{2})$/.exec(date) ?? [];
  const end = Date.UTC(Number(year), Number(month) - 1, Number(day) + 1);
  if (!(end > wanted.now)) return `The authorization message has expired: ${date}.`;
  // Base64 with characters that are safe in URLs.
  return /^[A-Za-z0-9_~+/=-]{16,}$/.test(signature)
    ? undefined
    : 'The signature of the authorization message is malformed.';
}
