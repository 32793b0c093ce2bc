import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestApi, type TestApi } from '../api/testing.ts';
import { Ec2Client } from '../cli/client.ts';
import { startTestGateway } from '../gateway/testing.ts';
import { State } from '../state/state.ts';
import { MemoryStore } from '../state/stores/memory.ts';
import { openSqliteStore } from '../state/stores/sqlite.ts';
import { defineTable } from '../state/table.ts';
import { MemoryEvents } from './log/memory-events.ts';
import type { TrailEvent } from './record/event.ts';
import { createRecorder } from './recorder.ts';

let api: TestApi;
beforeEach(() => {
  api = createTestApi();
});
const recorded = (events: MemoryEvents) =>
  Array.from(events.following(0, events.last), one => JSON.parse(one.text) as TrailEvent);

describe('the recorder', () => {
  it('records every call once: one that changes something, one that reads, refused and unsupported ones', async () => {
    await api.call('CreateSecurityGroup', { GroupName: 'web', Description: 'web' });
    await api.call('DescribeVpcs');
    await api.fail('StopInstances', { InstanceIds: ['i-00000000000000001'] });
    await api.fail('CreateSecurityGroup', { GroupName: 'a', Description: 'a', DryRun: true });
    await api.fail('ListUsers', {}, { service: 'no-such-service' });
    expect(recorded(api.events).map(({ eventName, errorCode }) => [eventName, errorCode])).toEqual([
      ['CreateSecurityGroup', undefined],
      ['DescribeVpcs', undefined],
      ['StopInstances', 'Client.InvalidInstanceID.NotFound'],
      ['CreateSecurityGroup', 'Client.DryRunOperation'],
      ['ListUsers', 'UnsupportedOperation'],
    ]);
  });

  it('records the failure, and only that, of a call whose change could not be stored', async () => {
    await api.call('DescribeVpcs');
    api.store.failNext = true;
    const error = await api.fail('CreateSecurityGroup', { GroupName: 'web', Description: 'web' });
    expect(error.code).toBe('ServiceUnavailable');
    expect(recorded(api.events).slice(1)).toMatchObject([
      { eventName: 'CreateSecurityGroup', errorCode: 'Server.ServiceUnavailable', responseElements: null },
    ]);
  });

  it('records signed calls that cannot be read, and none that is not signed', async () => {
    const events = new MemoryEvents();
    const state = new State(new MemoryStore(), [], events);
    const { refused } = createRecorder(state, api.clock, () => {});
    const { gateway, client } = await startTestGateway({ refused });
    try {
      const { endpoint, region, credentials } = client;
      const sender = new Ec2Client(endpoint, region, credentials);
      await expect(sender.call('StopInstances', { Nonsense: 1 })).rejects.toMatchObject({ code: 'UnknownParameter' });
      const stranger = new Ec2Client(endpoint, region, { ...credentials, secretAccessKey: 'wrong' });
      await expect(stranger.call('StopInstances')).rejects.toMatchObject({ code: 'AuthFailure' });
      expect(recorded(events)).toMatchObject([
        {
          eventName: 'StopInstances',
          errorCode: 'Client.UnknownParameter',
          requestParameters: null,
          userIdentity: { type: 'Root' },
          sourceIPAddress: '127.0.0.1',
        },
      ]);
    } finally {
      await gateway.close();
    }
  });
});

describe('a note of the state', () => {
  const things = defineTable<{ id: string }>()({ name: 'things', key: row => row.id, indexes: {} });
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'fogbank-notes-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is stored with what the turn changed, and only then', async () => {
    const store = openSqliteStore(directory);
    const events = new MemoryEvents();
    const state = new State(store, [things], events);
    state.note('{"read":1}');
    await state.settled();
    expect(store.notes()).toEqual([]);
    state.write(tx => tx.put(things, { id: 'a' }));
    state.note('{"write":1}');
    state.note('{"read":2}');
    expect(events.last).toBe(1);
    await state.settled();
    expect(store.notes()).toEqual([{ number: 1, text: '{"write":1}\n{"read":2}' }]);
    state.close();
    const again = openSqliteStore(directory);
    const reopened = new State(again, [things], events);
    reopened.write(tx => tx.put(things, { id: 'b' }));
    reopened.note('{"write":2}');
    await reopened.settled();
    again.forgetNotes(1);
    expect(again.notes()).toEqual([{ number: 2, text: '{"write":2}' }]);
    reopened.close();
    expect(events.last).toBe(4);
  });

  it('keeps a call from being answered when it could be written nowhere', async () => {
    const journal = {
      append: () => {
        throw new Error('disk full');
      },
    };
    const state = new State(new MemoryStore(), [things], journal);
    state.note('{}');
    await expect(state.settled()).rejects.toThrow('disk full');
  });
});
