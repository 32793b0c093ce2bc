import { type IncomingHttpHeaders, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { type InstanceRow, instances } from '../ec2/instances/model.ts';
import { type NetworkInterfaceRow, networkInterfaces } from '../ec2/network-interfaces/model.ts';
import { securityGroups } from '../ec2/security-groups/model.ts';
import { subnets } from '../ec2/subnets/model.ts';
import { ec2Tables } from '../ec2/tables.ts';
import { createDefaultVpc } from '../ec2/vpcs/default-vpc.ts';
import { createSecrets } from '../iam/secrets.ts';
import { iamTables } from '../iam/tables.ts';
import { State } from '../state/state.ts';
import { MemoryStore } from '../state/stores/memory.ts';
import { createMetadataService, type MetadataService, type MetadataServiceOptions } from './service.ts';

export interface TestAnswer {
  readonly status: number;
  readonly reason: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly bytes: Buffer;
}

/** A metadata service with one instance, and real sockets to it. Source addresses in 127.0.0.0/8 are private addresses. */
export interface TestMetadata {
  readonly state: State;
  readonly clock: { time: number; now(): number };
  readonly service: MetadataService;
  readonly vpcId: string;
  readonly port: number;
  /** The first instance's id; its private address is 127.0.0.10. */
  readonly instanceId: string;
  /** Adds an instance with this private address. */
  launch(instanceId: string, address: string, changes?: Partial<InstanceRow>): void;
  /** Changes the first instance. */
  change(changes: Partial<InstanceRow>): void;
  changeInterface(changes: Partial<NetworkInterfaceRow>): void;
  /** One request, from the first instance unless `from` is another address. */
  send(method: string, path: string, headers?: Record<string, string>, from?: string): Promise<TestAnswer>;
  close(): Promise<void>;
}

const region = 'eu-west-1';
const owner = `123456789012/${region}`;
const start = Date.UTC(2026, 0, 31, 10, 0, 0);

export async function createTestMetadata(options: Partial<MetadataServiceOptions> = {}): Promise<TestMetadata> {
  const state = new State(new MemoryStore(), [...ec2Tables, ...iamTables]);
  const clock = { time: start, now: () => clock.time };
  const vpcId = state.write(tx => createDefaultVpc(tx, '123456789012', region));
  const [subnet] = state.by(subnets, 'vpc', vpcId);
  const [group] = state.by(securityGroups, 'vpc', vpcId);
  if (subnet === undefined || group === undefined) throw new Error('the default VPC is incomplete');
  const service = createMetadataService({
    state,
    clock,
    identity: { signAs: async (kind, document) => `${kind} of ${document.length}` },
    secrets: createSecrets(new Uint8Array(32).fill(8)),
    tokenKey: new Uint8Array(32).fill(7),
    ...options,
  });
  const instanceId = 'i-0123456789abcdef0';

  const launch: TestMetadata['launch'] = (id, address, changes = {}) => {
    state.write(tx => {
      tx.put(networkInterfaces, {
        networkInterfaceId: `eni-${id.slice(2)}`,
        owner,
        vpcId,
        subnetId: subnet.subnetId,
        availabilityZone: subnet.availabilityZone,
        macAddress: `0a:00:00:00:00:${address.split('.')[3]?.padStart(2, '0')}`,
        description: '',
        status: 'in-use',
        interfaceType: 'interface',
        requesterManaged: false,
        sourceDestCheck: true,
        groupIds: [group.groupId],
        privateIpAddresses: [{ address, primary: true, publicIp: '198.18.0.10', publicIpOwner: 'amazon' }],
        attachment: {
          attachmentId: 'eni-attach-0123456789abcdef0',
          instanceId: id,
          deviceIndex: 0,
          networkCardIndex: 0,
          attachTime: start,
          deleteOnTermination: true,
        },
        associatePublicIp: true,
        createTime: start,
      });
      tx.put(instances, { ...instanceRow(id, address), ...changes });
    });
  };

  const instanceRow = (id: string, address: string): InstanceRow => ({
    instanceId: id,
    owner,
    reservationId: 'r-0123456789abcdef0',
    amiLaunchIndex: 0,
    imageId: 'ami-0123456789abcdef0',
    instanceType: 't3.micro',
    architecture: 'x86_64',
    keyName: 'my-key',
    publicKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI my-key',
    vpcId,
    subnetId: subnet.subnetId,
    availabilityZone: subnet.availabilityZone,
    state: 'running',
    stateSince: start,
    stateTransitionReason: '',
    launchTime: start,
    createTime: start,
    rootDeviceName: '/dev/xvda',
    blockDevices: ['/dev/xvda', '/dev/sdf'].map(deviceName => ({
      deviceName,
      volumeId: `vol-0123456789abcdef${deviceName.endsWith('a') ? 0 : 1}`,
      attachTime: start,
      deleteOnTermination: true,
    })),
    networkInterfaceIds: [`eni-${id.slice(2)}`],
    privateIpAddress: address,
    publicIpAddress: '198.18.0.10',
    securityGroupIds: [group.groupId],
    monitoring: 'disabled',
    ebsOptimized: false,
    disableApiTermination: false,
    disableApiStop: false,
    instanceInitiatedShutdownBehavior: 'stop',
    metadataOptions: {
      state: 'applied',
      httpTokens: 'optional',
      httpPutResponseHopLimit: 1,
      httpEndpoint: 'enabled',
      httpProtocolIpv6: 'disabled',
      instanceMetadataTags: 'disabled',
    },
    cpuOptions: { coreCount: 1, threadsPerCore: 2 },
    bootMode: 'legacy-bios',
    privateDnsNameOptions: { hostnameType: 'ip-name', enableResourceNameDnsARecord: false },
    autoRecovery: 'default',
    uuid: 'ec2e1916-9099-7caf-fd21-012345abcdef',
  });

  launch(instanceId, '127.0.0.10');
  const listener = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => listener.once('listening', resolve));
  service.onListening(vpcId, listener);
  const { port } = listener.address() as AddressInfo;

  const change = <Row extends object>(before: Row | undefined, changes: Partial<Row>): Row => {
    if (before === undefined) throw new Error('there is no such row');
    return { ...before, ...changes };
  };

  return {
    state,
    clock,
    service,
    vpcId,
    port,
    instanceId,
    launch,
    change: changes => state.write(tx => tx.put(instances, change(tx.get(instances, instanceId), changes))),
    changeInterface: changes =>
      state.write(tx =>
        tx.put(networkInterfaces, change(tx.get(networkInterfaces, `eni-${instanceId.slice(2)}`), changes)),
      ),
    send: (method, path, headers = {}, from = '127.0.0.10') => send(port, method, path, headers, from),
    close: async () => {
      await service.close();
      state.close();
    },
  };
}

function send(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string>,
  localAddress: string,
): Promise<TestAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, method, path, headers, localAddress, agent: false }, answer => {
      const chunks: Buffer[] = [];
      answer.on('data', chunk => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const bytes = Buffer.concat(chunks);
        resolve({
          status: answer.statusCode ?? 0,
          reason: answer.statusMessage ?? '',
          headers: answer.headers,
          body: bytes.toString(),
          bytes,
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
