import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dhcpOptions } from '../ec2/dhcp-options/model.ts';
import { instances } from '../ec2/instances/model.ts';
import { subnets } from '../ec2/subnets/model.ts';
import { addTags } from '../ec2/tags/model.ts';
import { vpcs } from '../ec2/vpcs/model.ts';
import { createTestMetadata, type TestMetadata } from './testing.ts';
import { metadataVersions } from './versions.ts';

let metadata: TestMetadata;
beforeEach(async () => {
  metadata = await createTestMetadata();
});
afterEach(() => metadata.close());

async function get(path: string): Promise<string> {
  const answer = await metadata.send('GET', path);
  expect(answer.status, path).toBe(200);
  return answer.body;
}

async function missing(path: string): Promise<void> {
  expect((await metadata.send('GET', path)).status, path).toBe(404);
}

/** Reads everything below a directory, as cloud-init does: every line must lead somewhere. */
async function crawl(path: string): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const line of (await get(path)).split('\n')) {
    const [index, keyName] = line.split('=');
    if (keyName !== undefined) values[`${path}${index}`] = await get(`${path}${index}/openssh-key`);
    else if (line.endsWith('/')) Object.assign(values, await crawl(`${path}${line}`));
    else values[`${path}${line}`] = await get(`${path}${line}`);
  }
  return values;
}

test('the top lists the versions, a version what it has', async () => {
  expect((await get('/')).split('\n')).toEqual(metadataVersions);
  expect(await get('/latest')).toBe('dynamic\nmeta-data');
  metadata.change({ userData: 'eA==' });
  expect(await get('/latest/')).toBe('dynamic\nmeta-data\nuser-data');
  expect(await get('/latest/dynamic')).toBe('fws/\ninstance-identity/');
  expect(await get('/latest/dynamic/instance-identity')).toBe('document\npkcs7\nrsa2048\nsignature');
});

test('everything of an instance in its first minutes', async () => {
  const mac = '/latest/meta-data/network/interfaces/macs/0a:00:00:00:00:10';
  const values = await crawl('/latest/meta-data/');
  const interfaceIds = Object.fromEntries(
    Object.entries(values).filter(([path]) => /(subnet|vpc|group)-ids?$/.test(path)),
  );
  expect(Object.keys(interfaceIds)).toHaveLength(3);
  for (const [path, id] of Object.entries(interfaceIds)) {
    expect(id).toMatch(/^(subnet|vpc|sg)-0[0-9a-f]{16}$/);
    delete values[path];
  }
  expect(values).toEqual({
    '/latest/meta-data/ami-id': 'ami-0123456789abcdef0',
    '/latest/meta-data/ami-launch-index': '0',
    '/latest/meta-data/ami-manifest-path': '(unknown)',
    '/latest/meta-data/block-device-mapping/ami': '/dev/xvda',
    '/latest/meta-data/block-device-mapping/ebs1': 'sdf',
    '/latest/meta-data/block-device-mapping/root': '/dev/xvda',
    '/latest/meta-data/events/maintenance/history': '[]',
    '/latest/meta-data/events/maintenance/scheduled': '[]',
    '/latest/meta-data/hibernation/configured': 'false',
    '/latest/meta-data/hostname': 'ip-127-0-0-10.eu-west-1.compute.internal',
    '/latest/meta-data/instance-action': 'none',
    '/latest/meta-data/instance-id': 'i-0123456789abcdef0',
    '/latest/meta-data/instance-life-cycle': 'on-demand',
    '/latest/meta-data/instance-type': 't3.micro',
    '/latest/meta-data/local-hostname': 'ip-127-0-0-10.eu-west-1.compute.internal',
    '/latest/meta-data/local-ipv4': '127.0.0.10',
    '/latest/meta-data/mac': '0a:00:00:00:00:10',
    '/latest/meta-data/metrics/vhostmd': '<?xml version="1.0" encoding="UTF-8"?>',
    [`${mac}/device-number`]: '0',
    [`${mac}/interface-id`]: 'eni-0123456789abcdef0',
    [`${mac}/ipv4-associations/198.18.0.10`]: '127.0.0.10',
    [`${mac}/local-hostname`]: 'ip-127-0-0-10.eu-west-1.compute.internal',
    [`${mac}/local-ipv4s`]: '127.0.0.10',
    [`${mac}/mac`]: '0a:00:00:00:00:10',
    [`${mac}/network-card`]: '0',
    [`${mac}/owner-id`]: '123456789012',
    [`${mac}/public-hostname`]: 'ec2-198-18-0-10.eu-west-1.compute.amazonaws.com',
    [`${mac}/public-ipv4s`]: '198.18.0.10',
    [`${mac}/security-groups`]: 'default',
    [`${mac}/subnet-ipv4-cidr-block`]: '172.31.0.0/20',
    [`${mac}/vpc-ipv4-cidr-block`]: '172.31.0.0/16',
    [`${mac}/vpc-ipv4-cidr-blocks`]: '172.31.0.0/16',
    '/latest/meta-data/placement/availability-zone': 'eu-west-1a',
    '/latest/meta-data/placement/availability-zone-id': 'euw1-az1',
    '/latest/meta-data/placement/region': 'eu-west-1',
    '/latest/meta-data/profile': 'default-hvm',
    '/latest/meta-data/public-hostname': 'ec2-198-18-0-10.eu-west-1.compute.amazonaws.com',
    '/latest/meta-data/public-ipv4': '198.18.0.10',
    '/latest/meta-data/public-keys/0': 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI my-key',
    '/latest/meta-data/reservation-id': 'r-0123456789abcdef0',
    '/latest/meta-data/security-groups': 'default',
    '/latest/meta-data/services/domain': 'amazonaws.com',
    '/latest/meta-data/services/partition': 'aws',
    '/latest/meta-data/system': 'nitro',
  });
});

test('of IPv6 there is what the interface, its subnet and its VPC have', async () => {
  const mac = 'network/interfaces/macs/0a:00:00:00:00:10';
  expect(await get('/latest/meta-data/')).not.toContain('ipv6');
  expect(await get(`/latest/meta-data/${mac}/`)).not.toContain('ipv6');
  metadata.state.write(tx => {
    const associate = (ipv6CidrBlock: string) => [
      { associationId: 'x', ipv6CidrBlock, ipv6Pool: 'Amazon', networkBorderGroup: 'eu-west-1' },
    ];
    for (const { row } of tx.entries(vpcs))
      tx.put(vpcs, { ...row, ipv6Associations: associate('fdf0:9ba0:1:100::/56') });
    for (const { row } of tx.entries(subnets))
      tx.put(subnets, { ...row, ipv6Associations: associate('fdf0:9ba0:1:101::/64') });
  });
  metadata.changeInterface({
    ipv6Addresses: ['fdf0:9ba0:1:101::a', 'fdf0:9ba0:1:101::b'],
    ipv6Prefixes: ['fdf0:9ba0:1:101:5::/80'],
    ipv4Prefixes: ['127.0.1.0/28'],
  });
  expect(await get('/latest/meta-data/ipv6')).toBe('fdf0:9ba0:1:101::a');
  expect(await get(`/latest/meta-data/${mac}/ipv6s`)).toBe('fdf0:9ba0:1:101::a\nfdf0:9ba0:1:101::b');
  expect(await get(`/latest/meta-data/${mac}/ipv6-prefix`)).toBe('fdf0:9ba0:1:101:5::/80');
  expect(await get(`/latest/meta-data/${mac}/ipv4-prefix`)).toBe('127.0.1.0/28');
  expect(await get(`/latest/meta-data/${mac}/subnet-ipv6-cidr-blocks`)).toBe('fdf0:9ba0:1:101::/64');
  expect(await get(`/latest/meta-data/${mac}/vpc-ipv6-cidr-blocks`)).toBe('fdf0:9ba0:1:100::/56');
  expect(await get('/2020-10-27/meta-data/')).not.toContain('ipv6\n');
});

test('every version can be crawled, and has what its time had', async () => {
  for (const version of metadataVersions) {
    // All of them in one second would be more than an interface may ask.
    metadata.clock.time += 1000;
    const values = await crawl(`/${version}/meta-data/`);
    expect(values[`/${version}/meta-data/instance-id`]).toBe('i-0123456789abcdef0');
    expect(`/${version}/meta-data/mac` in values).toBe(version >= '2011-01-01');
    expect(`/${version}/meta-data/placement/region` in values).toBe(version >= '2020-10-27');
    if (version >= '2009-04-04') await crawl(`/${version}/dynamic/instance-identity/`);
    else await missing(`/${version}/dynamic`);
  }
  await missing('/1.0/meta-data/placement/availability-zone');
});

test('slashes at the end, in a row, and queries change nothing', async () => {
  const expected = await get('/latest/meta-data/');
  for (const path of ['/latest/meta-data', '//latest//meta-data//', '/latest/meta-data/?recursive=true'])
    expect(await get(path)).toBe(expected);
  expect(await get('/latest/meta-data/placement/availability-zone/')).toBe('eu-west-1a');
});

test('what an instance does not have is neither listed nor found', async () => {
  metadata.change({ keyName: undefined, publicKey: undefined, blockDevices: [] });
  metadata.changeInterface({ privateIpAddresses: [{ address: '127.0.0.10', primary: true }] });
  const lines = (await get('/latest/meta-data')).split('\n');
  for (const name of ['public-keys', 'public-ipv4', 'public-hostname', 'tags', 'iam']) {
    expect(lines.filter(line => line.startsWith(name))).toEqual([]);
    await missing(`/latest/meta-data/${name}`);
  }
  await missing('/latest/user-data');
  await missing('/latest/meta-data/network/interfaces/macs/0a:00:00:00:00:10/ipv4-associations');
  await missing('/latest/meta-data/network/interfaces/macs/0a:00:00:00:00:99/');
  await crawl('/latest/meta-data/');
});

test('user data comes as the bytes that were sent', async () => {
  const bytes = randomBytes(16_384);
  metadata.change({ userData: bytes.toString('base64') });
  const answer = await metadata.send('GET', '/latest/user-data');
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toBe('application/octet-stream');
  expect(answer.bytes.equals(bytes)).toBe(true);
  expect((await metadata.send('GET', '/1.0/user-data')).bytes.equals(bytes)).toBe(true);
});

test('the login key is found by its number, with its name in the listing', async () => {
  expect(await get('/latest/meta-data/public-keys/')).toBe('0=my-key');
  expect(await get('/latest/meta-data/public-keys/0/')).toBe('openssh-key');
  expect(await get('/latest/meta-data/public-keys/0/openssh-key')).toBe('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI my-key');
  await missing('/latest/meta-data/public-keys/1/');
});

describe('tags', () => {
  const enabled = () => {
    const row = metadata.state.get(instances, metadata.instanceId);
    if (row === undefined) throw new Error('the instance is gone');
    metadata.change({ metadataOptions: { ...row.metadataOptions, instanceMetadataTags: 'enabled' } });
  };
  const tag = (tags: Record<string, string>) =>
    metadata.state.write(tx =>
      addTags(tx, { resourceId: metadata.instanceId, resourceType: 'instance', owner: '123456789012/eu-west-1' }, tags),
    );

  test('are there when they are enabled', async () => {
    tag({ Name: 'web', 'team:cost+a@b': 'ü' });
    await missing('/latest/meta-data/tags/instance/Name');
    enabled();
    expect(await get('/latest/meta-data/tags/instance')).toBe('Name\nteam:cost+a@b');
    expect(await get('/latest/meta-data/tags/instance/Name')).toBe('web');
    expect(await get('/latest/meta-data/tags/instance/team%3Acost+a%40b')).toBe('ü');
    expect(await get('/2021-03-23/meta-data/tags/')).toBe('instance/');
    await missing('/2021-01-03/meta-data/tags/');
  });

  test('that cannot be part of a path are left out', async () => {
    tag({ 'with space': '1', 'a/b': '2', '..': '3', _index: '4', ok: '5' });
    enabled();
    expect(await get('/latest/meta-data/tags/instance/')).toBe('ok');
    await missing('/latest/meta-data/tags/instance/with%20space');
    await missing('/latest/meta-data/tags/instance/a%2Fb');
  });

  test('leave no directory when there are none', async () => {
    enabled();
    await missing('/latest/meta-data/tags');
    await crawl('/latest/meta-data/');
  });
});

test('host names follow the options of VPC and instance', async () => {
  const vpc = metadata.state.get(vpcs, metadata.vpcId);
  const options = metadata.state.get(dhcpOptions, vpc?.dhcpOptionsId ?? '');
  if (vpc === undefined || options === undefined) throw new Error('the default VPC is incomplete');
  metadata.state.write(tx => {
    tx.put(dhcpOptions, { ...options, configurations: { 'domain-name': ['corp.example'] } });
    tx.put(vpcs, { ...vpc, enableDnsHostnames: false });
  });
  expect(await get('/latest/meta-data/local-hostname')).toBe('ip-127-0-0-10.corp.example');
  await missing('/latest/meta-data/public-hostname');
  expect(await get('/latest/meta-data/public-ipv4')).toBe('198.18.0.10');
  metadata.change({ privateDnsNameOptions: { hostnameType: 'resource-name', enableResourceNameDnsARecord: true } });
  expect(await get('/latest/meta-data/hostname')).toBe('i-0123456789abcdef0.corp.example');
});

test('volumes that came after the start wait for the next one', async () => {
  const attached = {
    deviceName: '/dev/sdg',
    volumeId: 'vol-0123456789abcdef2',
    attachTime: metadata.clock.now() + 5000,
    deleteOnTermination: false,
  };
  metadata.change({ blockDevices: [attached] });
  expect(await get('/latest/meta-data/block-device-mapping')).toBe('ami\nroot');
  metadata.change({ launchTime: metadata.clock.now() + 10_000 });
  expect(await get('/latest/meta-data/block-device-mapping')).toBe('ami\nebs1\nroot');
});
