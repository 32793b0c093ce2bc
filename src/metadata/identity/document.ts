/**
 * What an instance identity document says.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html
 */
export interface IdentityDocument {
  /** Twelve digits. */
  readonly accountId: string;
  readonly architecture: string;
  readonly availabilityZone: string;
  readonly imageId: string;
  readonly instanceId: string;
  readonly instanceType: string;
  /** When the instance was last launched or started, in milliseconds since the epoch. */
  readonly pendingTime: number;
  readonly privateIp: string;
  readonly region: string;
}

/** The document's text, byte for byte as EC2 lays it out: signatures are over exactly this. */
export function formatIdentityDocument(document: IdentityDocument): string {
  const members: readonly (readonly [name: string, value: string | null])[] = [
    ['accountId', document.accountId],
    ['architecture', document.architecture],
    ['availabilityZone', document.availabilityZone],
    ['billingProducts', null],
    ['devpayProductCodes', null],
    ['marketplaceProductCodes', null],
    ['imageId', document.imageId],
    ['instanceId', document.instanceId],
    ['instanceType', document.instanceType],
    ['kernelId', null],
    ['pendingTime', `${new Date(document.pendingTime).toISOString().slice(0, 19)}Z`],
    ['privateIp', document.privateIp],
    ['ramdiskId', null],
    ['region', document.region],
    ['version', '2017-09-30'],
  ];
  return `{\n${members.map(([name, value]) => `  "${name}" : ${JSON.stringify(value)}`).join(',\n')}\n}`;
}
