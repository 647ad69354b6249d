import { expect, test } from 'vitest';
import {
  advertised,
  type NodeFacts,
  nodeConditions,
  nodeLabels,
  nodeStatus,
  nothingAdvertised,
  reportedPart,
  runtimeFacts,
} from './node-object.ts';

test('transition times stay while the status does', () => {
  const first = nodeConditions('not yet', [], 0);
  const second = nodeConditions(undefined, first, 60_000);
  const third = nodeConditions(undefined, second, 120_000);
  const ready = [first, second, third].map((conditions) => conditions.find(({ type }) => type === 'Ready')!);
  expect(ready.map(({ status, lastTransitionTime }) => `${status} ${lastTransitionTime}`)).toEqual([
    'False 1970-01-01T00:00:00Z',
    'True 1970-01-01T00:01:00Z',
    'True 1970-01-01T00:01:00Z',
  ]);
  expect(ready[2]?.lastHeartbeatTime).toBe('1970-01-01T00:02:00Z');
  expect(third[0]).toMatchObject({ type: 'MemoryPressure', status: 'False', lastTransitionTime: '1970-01-01T00:00:00Z' });
});

test('labels of the configuration are added', () => {
  const info = { architecture: 'amd64' } as Parameters<typeof nodeLabels>[0]['info'];
  expect(nodeLabels({ name: 'n', ip: '', port: 1, labels: { zone: 'a' }, capacity: {}, allocatable: {}, info })).toEqual({
    'beta.kubernetes.io/arch': 'amd64',
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'amd64',
    'kubernetes.io/hostname': 'n',
    'kubernetes.io/os': 'linux',
    zone: 'a',
  });
});

test('a pressure has its own words', () => {
  const [memory, disk] = nodeConditions(undefined, [], 0, new Set(['DiskPressure']));
  expect(memory?.status).toBe('False');
  expect(disk).toMatchObject({ status: 'True', reason: 'KubeletHasDiskPressure', message: 'kubelet has disk pressure' });
});

test('what the runtime can do is shown by handler, the default one first', () => {
  const handler = (name: string) => ({ name, recursiveReadOnlyMounts: true, userNamespaces: false });
  const runtime = runtimeFacts({ handlers: [handler('z'), handler(''), handler('a')], features: { supplementalGroupsPolicy: true } });
  const facts = { name: 'n', ip: '', port: 1, labels: {}, capacity: {}, allocatable: {}, info: {}, runtime } as unknown as NodeFacts;
  const { features, runtimeHandlers } = nodeStatus(facts, undefined, [], 0);
  expect(features).toEqual({ supplementalGroupsPolicy: true });
  expect(runtimeHandlers?.map(({ name }) => name)).toEqual(['', 'a', 'z']);
  expect(runtimeHandlers?.[0]?.features).toEqual({ recursiveReadOnlyMounts: true, userNamespaces: false });
});

test('what others wrote into the capacity is allocatable, until it is gone', () => {
  const own = { cpu: '2', 'vendor.com/device': '1' };
  const capacity = { ...own, 'example.com/dongle': '4', foreign: '1' };
  const status = { capacity, allocatable: { ...own, 'example.com/gone': '1' } };
  expect(advertised(status, own)).toEqual({ 'example.com/dongle': '4', 'example.com/gone': null });
  expect(advertised(undefined, own)).toEqual({});
  expect(nothingAdvertised(status)).toEqual({ 'vendor.com/device': '0', 'example.com/dongle': '0' });
});

test('times and other agents’ conditions are no change, all else is', () => {
  const status = (change: object = {}) => ({
    capacity: { cpu: '2' },
    conditions: [...nodeConditions(undefined, [], 0), { type: 'NetworkUnavailable', status: 'False' }],
    ...change,
  });
  const before = reportedPart(status());
  expect(reportedPart(status({ conditions: nodeConditions(undefined, [], 60_000) }))).toBe(before);
  for (const change of [{ conditions: nodeConditions('no', [], 0) }, { capacity: { cpu: '3' } }, { images: [{ names: ['a:1'] }] }])
    expect(reportedPart(status(change))).not.toBe(before);
});
