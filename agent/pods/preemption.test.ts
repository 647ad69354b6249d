import { expect, test } from 'vitest';
import type { Pod, PodSpec, ResourceRequirements } from '../../api/gen/types/core.v1.ts';
import { ofApi } from './api-pods.ts';
import { notEnough, victimsFor } from './preemption.ts';

const pod = (name: string, resources: ResourceRequirements = {}, spec: Partial<PodSpec> = {}): Pod => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', resources }], ...spec },
});
const critical = pod('critical', {}, { priority: 2_000_000_000 });
const bestEffort = (name: string) => pod(name);
const burstable = (name: string, cpu: string, memory = '0') => pod(name, { requests: { cpu, memory } });
const guaranteed = (name: string, cpu: string) => pod(name, { requests: { cpu, memory: '1Mi' }, limits: { cpu, memory: '1Mi' } });
const short = (shortage: Record<string, number>) => new Map(Object.entries(shortage).map(([name, by]) => [name, BigInt(by)]));

test.each<[string, Pod[], Record<string, number>, string[] | undefined]>([
  ['nothing is missing', [burstable('a', '1')], {}, []],
  ['nobody has enough', [burstable('a', '1')], { cpu: 1001 }, undefined],
  ['the worse class, though the better has the exact amount', [guaranteed('g', '500m'), burstable('b', '2')], { cpu: 500 }, ['b']],
  [
    'the better class where the worse is not enough; what is then not needed of the worse stays',
    [guaranteed('g', '1'), burstable('b', '400m')],
    { cpu: 900 },
    ['g'],
  ],
  ['both', [guaranteed('g', '600m'), burstable('b', '400m')], { cpu: 900 }, ['b', 'g']],
  ['one that is enough instead of two', [burstable('a', '300m'), burstable('b', '300m'), burstable('c', '600m')], { cpu: 600 }, ['c']],
  ['the smaller of two that are enough', [burstable('a', '900m'), burstable('b', '700m')], { cpu: 600 }, ['b']],
  ['each resource counts alike', [burstable('a', '1', '1'), burstable('b', '500m', '1Gi')], { cpu: 1000, memory: 2 ** 30 }, ['b', 'a']],
  ['a place is a place: of the worst class', [guaranteed('g', '1'), bestEffort('e')], { pods: 1 }, ['e']],
  ['critical ones stay', [pod('other', { requests: { cpu: '4' } }, { priority: 2_000_001_000 })], { cpu: 1 }, undefined],
])('%s', (_name, others, shortage, names) => {
  expect(victimsFor(critical, others, short(shortage))?.map(({ metadata }) => metadata.name)).toEqual(names);
});

test('of two critical pods the one with the lower priority makes room', () => {
  const [low, high] = [2_000_000_000, 2_000_001_000].map((priority) => pod(String(priority), { requests: { cpu: '1' } }, { priority }));
  expect(victimsFor(high!, [low!], short({ cpu: 1 }))).toEqual([low]);
  expect(victimsFor(low!, [high!], short({ cpu: 1 }))).toBeUndefined();
});

test('what is missing is told as upstream tells it', () => {
  expect(notEnough(short({ cpu: 500, pods: 1 }))).toBe(
    'preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: [(res: cpu, q: 500), (res: pods, q: 1), ]',
  );
});

test('a pod of the API that says that it is one of a file is none', () => {
  const annotations = { 'kubernetes.io/config.source': 'file', other: 'stays' };
  expect(ofApi({ metadata: { annotations } }).metadata.annotations).toEqual({ 'kubernetes.io/config.source': 'api', other: 'stays' });
});
