import type { DescribeInstancesResult, DescribeVolumesResult, Instance, Volume } from '@aws-sdk/client-ec2';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import type { Controllers } from '../../controllers/controllers.ts';
import type { Engine } from '../../engine/engine.ts';
import { createSimulator } from '../../engine/simulator/simulator.ts';
import { withDiskKeys } from '../ebs-encryption/keyed-engine.ts';
import { ec2Controllers } from '../service.ts';
import { launch } from '../testing.ts';

/** The API on the simulator, with the controllers. */
export interface TestEc2 {
  readonly api: TestApi;
  readonly engine: Engine;
  readonly controllers: Controllers;
  /** What the controllers logged. */
  readonly log: string[];
  /** Lets the controllers do what there is to do. */
  settle(): Promise<void>;
  volume(id: string | undefined): Promise<Volume>;
  instance(id: string | undefined): Promise<Instance>;
  /** Launches an instance and waits until it runs. */
  running(input?: object): Promise<Instance>;
  /** Creates a volume, of 8 GiB in us-east-1a unless said otherwise, and waits until it is there. @returns its id */
  create(input?: object): Promise<string>;
}

/** @param change lays something over the simulator, such as what fails */
export async function startTestEc2(
  change: (engine: Engine) => Engine = engine => engine,
  options: { readonly volumeLimits?: boolean } = {},
): Promise<TestEc2> {
  const simulator = change(createSimulator());
  const api = createTestApi(simulator);
  const engine = withDiskKeys(simulator, api.state, api.secrets);
  const log: string[] = [];
  const { state, clock } = api;
  const { controllers } = ec2Controllers({ state, engine, clock, log: line => log.push(line), ...options });
  await engine.open(
    { machineChanged: id => controllers.wake('instances', id) },
    { onListening: () => {}, onClosed: () => {} },
  );
  controllers.start();
  const ec2: TestEc2 = {
    api,
    engine,
    controllers,
    log,
    async settle() {
      for (let round = 0; round < 20; round++) {
        await api.state.settled();
        await controllers.idle();
        await new Promise(resolve => setImmediate(resolve));
      }
    },
    async volume(id) {
      const { Volumes } = await api.call<DescribeVolumesResult>('DescribeVolumes', { VolumeIds: [id] });
      return Volumes?.[0] ?? {};
    },
    async instance(id) {
      const input = { InstanceIds: [id] };
      const { Reservations } = await api.call<DescribeInstancesResult>('DescribeInstances', input);
      return Reservations?.[0]?.Instances?.[0] ?? {};
    },
    async running(input = {}) {
      const [instance] = await launch(api, input);
      await ec2.settle();
      return ec2.instance(instance?.InstanceId);
    },
    async create(input = {}) {
      const made = await api.call<Volume>('CreateVolume', { AvailabilityZone: 'us-east-1a', Size: 8, ...input });
      await ec2.settle();
      return made.VolumeId ?? '';
    },
  };
  return ec2;
}
