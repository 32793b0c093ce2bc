import { regionOf } from '../api/owner.ts';
import { instanceType } from '../ec2/instance-types/catalogue.ts';
import { subnets } from '../ec2/subnets/model.ts';
import { tagsOf } from '../ec2/tags/model.ts';
import { type Caller, groupNames, localHostName, primaryInterface, publicHostName } from './caller.ts';
import { iam } from './iam.ts';
import { network } from './interfaces.ts';
import { collection, directory, leaf, lines, since } from './node.ts';
import { partitionOf } from './partition.ts';
import type { Subject } from './subject.ts';

const hostName = leaf<Subject>(subject => {
  const row = primaryInterface(subject);
  return row && localHostName(subject, row);
});

/** Volumes besides the root volume that were there at the last start, numbered in the order of their mapping. */
function dataVolumes({ instance }: Caller): ReadonlyMap<string, string> {
  const devices = instance.blockDevices.filter(
    device => device.deviceName !== instance.rootDeviceName && device.attachTime <= instance.launchTime,
  );
  return new Map(devices.map((device, index) => [`ebs${index + 1}`, device.deviceName.replace(/^\/dev\//, '')]));
}

/** Disks of the host that its block device mapping names. */
function ephemeralVolumes({ instance }: Caller): [string, string][] {
  return (instance.instanceStore ?? []).flatMap(({ deviceName, ephemeral }) =>
    ephemeral === undefined ? [] : [[`ephemeral${ephemeral}`, deviceName.replace(/^\/dev\//, '')]],
  );
}

const blockDeviceMapping = collection<Subject, string>({
  members: subject => {
    const { rootDeviceName } = subject.instance;
    return new Map([
      ['ami', rootDeviceName],
      ...dataVolumes(subject),
      ...ephemeralVolumes(subject),
      ['root', rootDeviceName],
    ]);
  },
  place: leaf(device => device),
  line: name => name,
});

/** The key that the instance got at its launch; its name may be another pair's by now. */
const publicKeys = collection<Subject, { name: string; line: string }>({
  members: ({ instance: { keyName, publicKey } }) =>
    keyName === undefined || publicKey === undefined ? new Map() : new Map([['0', { name: keyName, line: publicKey }]]),
  place: directory({ 'openssh-key': leaf(key => key.line) }),
  line: (index, key) => `${index}=${key.name}`,
});

/** Tag keys that can be part of a path; the API refuses others while tags are in the metadata. */
const tagKeyForm = /^[0-9A-Za-z\-_+=,.@:]{1,255}$/;
const reservedTagKeys: readonly string[] = ['.', '..', '_index'];

const instanceTags = collection<Subject, string>({
  members: ({ db, instance }) => {
    if (instance.metadataOptions.instanceMetadataTags !== 'enabled') return new Map();
    const tags = Object.entries(tagsOf(db, instance.instanceId));
    return new Map(
      tags
        .filter(([key]) => tagKeyForm.test(key) && !reservedTagKeys.includes(key))
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  },
  place: leaf(value => value),
  line: key => key,
});

/**
 * `meta-data`, with the version that brought each category.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-metadata.html
 */
export const metaData = directory<Subject>({
  'ami-id': leaf(({ instance }) => instance.imageId),
  'ami-launch-index': leaf(({ instance }) => instance.amiLaunchIndex.toString()),
  'ami-manifest-path': leaf(() => '(unknown)'),
  'block-device-mapping': since('2007-12-15', blockDeviceMapping),
  events: since(
    '2018-08-17',
    directory({ maintenance: directory({ history: leaf(() => '[]'), scheduled: leaf(() => '[]') }) }),
  ),
  hibernation: since(
    '2018-09-24',
    directory({ configured: leaf(({ instance }) => String(instance.hibernationConfigured === true)) }),
  ),
  hostname: hostName,
  iam,
  'instance-action': since(
    '2008-09-01',
    leaf(() => 'none'),
  ),
  'instance-id': leaf(({ instance }) => instance.instanceId),
  'instance-life-cycle': since(
    '2019-10-01',
    leaf(() => 'on-demand'),
  ),
  'instance-type': since(
    '2007-08-29',
    leaf(({ instance }) => instance.instanceType),
  ),
  ipv6: since(
    '2021-01-03',
    leaf(subject => primaryInterface(subject)?.ipv6Addresses?.[0]),
  ),
  'local-hostname': since('2007-01-19', hostName),
  'local-ipv4': leaf(subject => primaryInterface(subject)?.privateIpAddresses[0]?.address),
  mac: since(
    '2011-01-01',
    leaf(subject => primaryInterface(subject)?.macAddress),
  ),
  metrics: since('2011-05-01', directory({ vhostmd: leaf(() => '<?xml version="1.0" encoding="UTF-8"?>') })),
  network: since('2011-01-01', network),
  placement: since(
    '2008-02-01',
    directory({
      'availability-zone': leaf(({ instance }) => instance.availabilityZone),
      'availability-zone-id': since(
        '2019-10-01',
        leaf(({ db, instance }) => db.get(subnets, instance.subnetId)?.availabilityZoneId),
      ),
      region: since(
        '2020-10-27',
        leaf(({ instance }) => regionOf(instance.owner)),
      ),
    }),
  ),
  profile: since(
    '2008-02-01',
    leaf(() => 'default-hvm'),
  ),
  'public-hostname': since(
    '2007-01-19',
    leaf(subject => {
      const row = primaryInterface(subject);
      return row && publicHostName(subject.db, row);
    }),
  ),
  'public-ipv4': since(
    '2007-01-19',
    leaf(subject => primaryInterface(subject)?.privateIpAddresses[0]?.publicIp),
  ),
  'public-keys': publicKeys,
  'reservation-id': leaf(({ instance }) => instance.reservationId),
  'security-groups': lines(subject => groupNames(subject.db, primaryInterface(subject)?.groupIds ?? [])),
  services: since(
    '2014-02-25',
    directory({
      domain: leaf(({ instance }) => partitionOf(regionOf(instance.owner)).domain),
      partition: since(
        '2015-10-20',
        leaf(({ instance }) => partitionOf(regionOf(instance.owner)).name),
      ),
    }),
  ),
  system: since(
    '2022-09-24',
    leaf(({ instance }) => (instanceType(instance.instanceType)?.hypervisor === 'xen' ? 'xen-on-nitro' : 'nitro')),
  ),
  tags: since('2021-03-23', directory({ instance: instanceTags })),
});
