// Options of `up`: defaults, memory of an existing cluster, refusals.
import { expect, test } from 'vitest';
import { checkName, resolveOptions } from './options.ts';
import type { ClusterRecord } from './record.ts';

const existing: ClusterRecord = {
  name: 'a',
  options: { nodes: 3, serviceCIDR: '10.0.0.0/16', podCIDR: '10.244.0.0/16', runtime: 'crun' },
  apiPort: 1,
  nodes: [],
  ready: true,
};

test('defaults', () => {
  expect(resolveOptions({}, undefined)).toEqual({ nodes: 1, serviceCIDR: '10.0.0.0/16', podCIDR: '10.244.0.0/16', runtime: 'runc' });
});

test('a second up keeps what the cluster has', () => {
  expect(resolveOptions({}, existing)).toEqual(existing.options);
});

test.each([
  [{ serviceCIDR: '10.244.0.0/24' }, undefined, '--service-cidr 10.244.0.0/24 overlaps --pod-cidr 10.244.0.0/16'],
  [{ nodes: 3, podCIDR: '10.244.0.0/23' }, undefined, '--pod-cidr 10.244.0.0/23 has room for 2 nodes, asked for 3'],
  [{ runtime: 'runc' as const }, existing, 'cluster a has runtime crun, it cannot become runc: wherry down --name a first'],
  [{ cgroupDriver: 'systemd' as const }, existing, 'cluster a has cgroupDriver cgroupfs, it cannot become systemd: wherry down'],
  [{ cgroupDriver: 'x' as 'systemd' }, undefined, 'field cgroupDriver: must be cgroupfs or systemd, is "x"'],
  [{ nodes: 1 }, existing, 'cluster a has 3 nodes, it cannot shrink to 1'],
])('%o is refused', (asked, record, message) => {
  expect(() => resolveOptions(asked, record)).toThrow(message);
});

test.each(['Demo', 'a_b', '', '-a', 'a-', 'x'.repeat(33), '../x'])('name %j is refused', (name) => {
  expect(() => checkName(name)).toThrow(/^name /);
});
