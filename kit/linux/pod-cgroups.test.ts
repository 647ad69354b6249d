import { expect, test } from 'vitest';
import { isSystemdBooted } from '../dbus/index.ts';
import { openPodCgroups } from './pod-cgroups.ts';

test('files are written by anybody', async () => {
  const groups = await openPodCgroups('cgroupfs', '/wherry-none');
  expect([groups.driver, groups.group('kubepods')]).toEqual(['cgroupfs', '/wherry-none/kubepods']);
});

test.skipIf(isSystemdBooted())('the systemd driver says what it lacks', async () => {
  await expect(openPodCgroups('systemd', '/wherry-none')).rejects.toThrow(
    'field cgroupDriver: "systemd" cannot be used: systemd is not the first process of this machine; leave it out, or set "cgroupfs"',
  );
});
