import { expect, test } from 'vitest';
import { launchCommand } from './launch.ts';

test('root enters the network, then gives up every right', () => {
  const user = { uid: 995, gid: 994, switchUser: true };
  const command = launchCommand({ namespace: 'fb-vpc-1', user, groups: [], arguments: ['-m', '1'] });
  expect(command.slice(0, 2)).toEqual(['nsenter', '--net=/run/netns/fb-vpc-1']);
  expect(command).toContain('--reuid=995');
  expect(command).toContain('--regid=994');
  expect(command).toContain('--clear-groups');
  expect(command).toContain('--no-new-privs');
  expect(command).toContain('--bounding-set=-all');
  expect(command.slice(-3)).toEqual(['qemu-system-x86_64', '-m', '1']);
  expect(launchCommand({ user, groups: [107], arguments: [] })).toContain('--groups=107');
});

test('another user has nothing to give up', () => {
  const user = { uid: 1000, gid: 1000, switchUser: false };
  expect(launchCommand({ user, groups: [], arguments: [] })).toEqual(['qemu-system-x86_64']);
});
