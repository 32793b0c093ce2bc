import { accountOf, regionOf } from '../api/owner.ts';
import { primaryInterface } from './caller.ts';
import { formatIdentityDocument } from './identity/document.ts';
import { costlyLeaf, directory, leaf, since } from './node.ts';
import type { IdentityProof, Subject } from './subject.ts';

/**
 * The instance identity document.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html
 */
function identityDocument(subject: Subject): string {
  const { instance } = subject;
  return formatIdentityDocument({
    accountId: accountOf(instance.owner),
    architecture: instance.architecture,
    availabilityZone: instance.availabilityZone,
    imageId: instance.imageId,
    instanceId: instance.instanceId,
    instanceType: instance.instanceType,
    pendingTime: instance.launchTime,
    privateIp: primaryInterface(subject)?.privateIpAddresses[0]?.address ?? instance.privateIpAddress ?? '',
    region: regionOf(instance.owner),
  });
}

const proof = (kind: IdentityProof) => costlyLeaf<Subject>(subject => subject.sign(kind, identityDocument(subject)));

/** `dynamic`: what is made when it is asked for. */
export const dynamic = since<Subject>(
  '2009-04-04',
  directory({
    fws: directory({ 'instance-monitoring': leaf(({ instance }) => instance.monitoring) }),
    'instance-identity': directory({
      document: leaf(identityDocument),
      pkcs7: proof('pkcs7'),
      rsa2048: proof('rsa2048'),
      signature: proof('signature'),
    }),
  }),
);
