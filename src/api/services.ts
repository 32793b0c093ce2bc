import type { EventReader } from '../cloudtrail/log/reader.ts';
import type { BlockStore } from '../ebs/block-store.ts';
import type { Engine } from '../engine/engine.ts';
import type { LastUse } from '../iam/last-use.ts';
import type { Secrets } from '../iam/secrets.ts';
import type { ProviderKeys } from '../sts/web-identity/provider-keys.ts';
import type { Authorizer } from './authorize.ts';
import type { Clock } from './clock.ts';
import type { Until } from './until.ts';

/** What operations may use besides the state. Engine members here only look; only controllers change the world. */
export interface Services {
  readonly clock: Clock;
  readonly engine: Pick<Engine, 'name' | 'capabilities' | 'admit'> & {
    readonly machines: Pick<Engine['machines'], 'consoleOutput' | 'screenshot'>;
  };
  /** Key for signing page tokens; 32 bytes, kept in the state. */
  readonly tokenKey: Uint8Array;
  /** Everything secret that is stored is sealed by it. */
  readonly secrets: Secrets;
  /** When access keys and roles were last used. */
  readonly lastUse: LastUse;
  /** The record of all calls. */
  readonly events: EventReader;
  /** Keys of the identity providers whose tokens STS takes. */
  readonly providerKeys: ProviderKeys;
  /** What policies say of a part of a call that may fail by itself, or of what a service does for the caller. */
  readonly verdict: Authorizer['verdict'];
  /** The content of snapshots. */
  readonly blocks: BlockStore;
  /** Folder of all buckets, to look into. */
  readonly buckets: string;
  /** Waits for what controllers do; not at all where none run. */
  readonly until: Until;
  /** CIDR from which public addresses are taken. */
  readonly publicPool: string;
}
