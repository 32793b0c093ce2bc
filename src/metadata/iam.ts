import { roleOfProfile } from '../iam/instance-profiles/find.ts';
import { instanceProfiles } from '../iam/instance-profiles/model.ts';
import type { RoleRow } from '../iam/roles/model.ts';
import { trustsService } from '../sts/trust.ts';
import { collection, directory, leaf, since } from './node.ts';
import type { Subject } from './subject.ts';

/** EC2 acts under this name when it takes roles for instances. */
const service = 'ec2.amazonaws.com';

const troubleshooting =
  'Please see documentation at https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html.';

/** What a client finds wrong shows when it reads, as on EC2: `Code` is `Success` only where there are credentials. */
const info = leaf<Subject>(({ db, instance }) => {
  const { instanceProfile } = instance;
  if (instanceProfile === undefined) return undefined;
  const { arn, instanceProfileId, since: associated } = instanceProfile;
  if (db.get(instanceProfiles, instanceProfileId) === undefined) {
    return json({
      Code: 'InstanceProfileNotFound',
      Message: `Instance Profile ${arn} cannot be found. ${troubleshooting}`,
      LastUpdated: time(associated),
    });
  }
  return json({
    Code: 'Success',
    LastUpdated: time(associated),
    InstanceProfileArn: arn,
    InstanceProfileId: instanceProfileId,
  });
});

interface Given {
  readonly subject: Subject;
  readonly role: RoleRow;
}

/** By the role's name, of which there is one. */
const securityCredentials = collection<Subject, Given>({
  members: subject => {
    const role = roleOf(subject);
    return role === undefined ? new Map() : new Map([[role.roleName, { subject, role }]]);
  },
  place: leaf(({ subject, role }) => {
    if (!trustsService(role, service)) {
      return json({
        Code: 'AssumeRoleUnauthorizedAccess',
        Message: `EC2 cannot assume the role ${role.roleName}. ${troubleshooting}`,
        LastUpdated: time(subject.instance.instanceProfile?.since ?? 0),
      });
    }
    const credentials = subject.credentials(role);
    return json({
      Code: 'Success',
      LastUpdated: time(credentials.issued),
      Type: 'AWS-HMAC',
      AccessKeyId: credentials.accessKeyId,
      SecretAccessKey: credentials.secretAccessKey,
      Token: credentials.sessionToken,
      Expiration: time(credentials.expiration),
    });
  }),
  line: name => name,
});

function roleOf({ db, instance }: Subject): RoleRow | undefined {
  const profile = db.get(instanceProfiles, instance.instanceProfile?.instanceProfileId ?? '');
  return profile && roleOfProfile(db, profile);
}

/**
 * `meta-data/iam`: the instance profile, and its role's credentials.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
 */
export const iam = since<Subject>('2012-01-12', directory({ info, 'security-credentials': securityCredentials }));

/** Two spaces a level, a line each, as EC2 sends it: scripts pick lines out of it. */
function json(value: object): string {
  return JSON.stringify(value, undefined, 2);
}

function time(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
