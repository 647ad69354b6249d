import { expect, test } from 'vitest';
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import { allocationOf, judgeResize, memoryRequestDiffers, outdated, resizeText, restartsFor, wider, withAllocation } from './allocation.ts';

const pod = (cpu: string, memory = '64Mi', more: Partial<Container> = {}): Pod => ({
  metadata: { name: 'p', namespace: 'n', uid: 'u', generation: 2 },
  spec: { containers: [{ name: 'c', resources: { requests: { memory, cpu }, limits: { memory, cpu } }, ...more }] },
});

test('a pod runs with what it was given, whatever it asks for', () => {
  const given = withAllocation(pod('2'), allocationOf(pod('1')));
  expect(given.spec?.containers[0]?.resources?.limits?.['cpu']).toBe('1');
  const same = pod('1');
  expect(withAllocation(same, allocationOf(pod('1')))).toBe(same);
});

test.each<[string, Pod, Pod[], ReturnType<typeof judgeResize>]>([
  ['there is room', pod('1'), [pod('2')], undefined],
  [
    'more than the node has',
    pod('5'),
    [],
    { reason: 'Infeasible', message: "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000" },
  ],
  [
    'more memory than the node has',
    pod('5', '2Gi'),
    [],
    { reason: 'Infeasible', message: "Node didn't have enough capacity: memory, requested: 2147483648, capacity: 1073741824" },
  ],
  [
    'others use it',
    pod('3'),
    [pod('2')],
    { reason: 'Deferred', message: "Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: 4000" },
  ],
])('%s', (_, wanted, others, expected) => {
  expect(judgeResize(wanted, others, { cpu: '4', memory: '1Gi', pods: '110' })).toEqual(expected);
});

test('what differs decides whether the container restarts', () => {
  const has = { cpuShares: 102, cpuQuota: 20_000, memoryLimitBytes: 64 };
  expect(outdated(has, has)).toEqual([]);
  expect(outdated({ cpuShares: 102, cpuQuota: -1 }, { cpuShares: 102 })).toEqual([]);
  expect(outdated(has, { ...has, cpuQuota: 30_000 })).toEqual(['cpu']);
  expect(outdated(has, { ...has, cpuShares: 204, memoryLimitBytes: 128 })).toEqual(['cpu', 'memory']);
  const container: Container = { name: 'c', resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }] };
  expect(restartsFor(container, ['cpu'])).toBe(false);
  expect(restartsFor(container, ['cpu', 'memory'])).toBe(true);
});

test.each([
  [{ requests: { memory: '64Mi' } }, { requests: { memory: '65536Ki', cpu: '1' } }, false],
  [{ requests: { memory: '64Mi' } }, { requests: { memory: '65Mi' } }, true],
  [{}, { requests: { memory: '1' } }, true],
  [{}, undefined, false],
])('made with %j, wanted %j: another request of memory: %j', (made, wanted, differs) => {
  expect(memoryRequestDiffers(made, wanted)).toBe(differs);
});

test('the way from one size to another is wide enough for both', () => {
  expect(wider({ cpuQuota: 10, memoryLimitBytes: 5 }, { cpuShares: 7, cpuQuota: 5, memoryLimitBytes: 9 })).toEqual({
    cpuShares: 7,
    cpuQuota: 10,
    memoryLimitBytes: 9,
  });
  expect(wider({}, { cpuQuota: 5, memoryLimitBytes: 9 })).toEqual({ cpuQuota: -1, memoryLimitBytes: -1 });
});

test('events tell the new resources as upstream does', () => {
  expect(resizeText(pod('1'), 'started')).toBe(
    'Pod resize started: {"containers":[{"name":"c","resources":{"limits":{"cpu":"1","memory":"64Mi"},"requests":{"cpu":"1","memory":"64Mi"}}}],"generation":2}',
  );
});
