// A volume that no container mentions is not set up.
import { expect, test } from 'vitest';
import type { PodSpec } from '../../api/gen/types/core.v1.ts';
import { usedVolumes } from './used.ts';

const mounts = (name: string) => ({ name: 'c', volumeMounts: [{ name, mountPath: '/v' }] });
const volumes = [{ name: 'a' }, { name: 'b' }];

test.each<[string, PodSpec, string[]]>([
  ['none mentioned', { containers: [{ name: 'c' }], volumes }, []],
  ['mounted by a container', { containers: [mounts('b')], volumes }, ['b']],
  ['as a device', { containers: [{ name: 'c', volumeDevices: [{ name: 'a', devicePath: '/dev/a' }] }], volumes }, ['a']],
  ['by an init container', { initContainers: [mounts('a')], containers: [mounts('b')], volumes }, ['a', 'b']],
  ['by an ephemeral container', { containers: [{ name: 'c' }], ephemeralContainers: [mounts('a')], volumes }, ['a']],
  ['no volumes', { containers: [{ name: 'c' }] }, []],
])('%s', (_, spec, expected) => expect(usedVolumes({ metadata: {}, spec }).map(({ name }) => name)).toEqual(expected));
