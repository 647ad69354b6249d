import { expect, test } from 'vitest';
import type { Pod, ResourceRequirements } from '../../api/gen/types/core.v1.ts';
import { containerResources, memoryBytesOf, oomScoreAdj, podCgroup, podHugepages, podResources, qosClass } from './qos.ts';

const GiB = 2 ** 30;
const pod = (...resources: ResourceRequirements[]): Pod => ({
  metadata: { name: 'p', uid: 'u' },
  spec: { containers: resources.map((r, i) => ({ name: `c${i}`, resources: r })) },
});
const full = { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1000m', memory: '1Gi' } };

test.each([
  ['BestEffort', [{}], 'kubepods/besteffort/podu'],
  ['Guaranteed', [full], 'kubepods/podu'],
  ['Guaranteed', [{ limits: { cpu: '1', memory: '1Gi' } }], 'kubepods/podu'],
  ['Burstable', [full, {}], 'kubepods/burstable/podu'],
  ['Burstable', [{ requests: { cpu: '1m' } }], 'kubepods/burstable/podu'],
  ['Burstable', [{ limits: { cpu: '1', memory: '2Gi' }, requests: { memory: '1Gi' } }], 'kubepods/burstable/podu'],
])('%s', (qos, resources, cgroup) => {
  expect(qosClass(pod(...resources))).toBe(qos);
  expect(podCgroup(pod(...resources))).toBe(cgroup);
});

test.each([
  [full, -997],
  [{}, 1000],
  [{ requests: { memory: '1Gi' } }, 750],
  [{ requests: { cpu: '1' } }, 999],
  [{ requests: { memory: '4Gi' } }, 3],
])('OOM score of %j', (resources, score) => {
  const p = pod(resources);
  expect(oomScoreAdj(p, p.spec!.containers[0]!, 4 * GiB)).toBe(score);
});

test('shares, quota and limits', () => {
  const p = pod({ requests: { cpu: '100m' }, limits: { cpu: '250m', memory: '64Mi' } });
  expect(containerResources(p, p.spec!.containers[0]!, GiB)).toMatchObject({
    cpuShares: 102,
    cpuPeriod: 100_000,
    cpuQuota: 25_000,
    memoryLimitBytes: 64 << 20,
  });
  const free = pod({});
  expect(containerResources(free, free.spec!.containers[0]!, GiB)).toEqual({ cpuShares: 2, oomScoreAdj: 1000 });
});

test('the pod is limited only when all its containers are', () => {
  expect(podResources(pod(full, full))).toEqual({ cpuShares: 2048, cpuPeriod: 100_000, cpuQuota: 200_000, memoryLimitBytes: 2 * GiB });
  expect(podResources(pod(full, {}))).toEqual({ cpuShares: 1024 });
});

test('memory that the pod can have with its volumes: its limit, or what the node gives to pods', () => {
  expect(memoryBytesOf(pod(full, full), { memory: '8Gi' })).toBe(2 * GiB);
  expect(memoryBytesOf(pod(full, full), { memory: '1Gi' })).toBe(GiB);
  expect(memoryBytesOf(pod(full, {}), { memory: '8Gi' })).toBe(8 * GiB);
  expect(memoryBytesOf(pod({}), {})).toBeUndefined();
});

test("a pod's own group: overhead and the bigger of init and main containers, limited where all are", () => {
  const limited = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });
  const p: Pod = {
    metadata: {},
    spec: {
      overhead: { cpu: '100m', memory: '10' },
      initContainers: [{ name: 'i', resources: limited('2', '100') }],
      containers: [{ name: 'c', resources: limited('1', '200') }],
    },
  };
  expect(podResources(p)).toEqual({ cpuShares: 2150, cpuPeriod: 100_000, cpuQuota: 210_000, memoryLimitBytes: 210 });
  p.spec!.initContainers![0]!.resources = {};
  expect(podResources(p)).toEqual({ cpuShares: 1126 });
});

test('huge pages in the words of their controller', () => {
  const p: Pod = { metadata: {}, spec: { containers: [{ name: 'c', resources: { limits: { 'hugepages-2Mi': '4Mi' } } }] } };
  expect(containerResources(p, p.spec!.containers[0]!, 1 << 30).hugepageLimits).toEqual([{ pageSize: '2MB', limit: 4 << 20 }]);
});

test('a container has none of the huge pages that its neighbours have asked for', () => {
  const limits: Record<string, string>[] = [{ 'hugepages-2Mi': '4Mi' }, { memory: '1Mi' }];
  const p: Pod = { metadata: {}, spec: { containers: limits.map((each) => ({ name: 'c', resources: { limits: each } })) } };
  const of = (pod: Pod) => containerResources(pod, pod.spec!.containers[1]!, 1 << 30).hugepageLimits;
  expect(of(p)).toEqual([{ pageSize: '2MB', limit: 0 }]);
  // what the pod as a whole is given is for all of them
  p.spec!.resources = { limits: { 'hugepages-2Mi': '6Mi' } };
  expect(of(p)).toEqual([{ pageSize: '2MB', limit: 6 << 20 }]);
  expect(of({ metadata: {}, spec: { containers: [{ name: 'c' }, { name: 'd' }] } })).toBeUndefined();
});

test('a pod may have of each size of huge pages what its containers may together, none of others', () => {
  const limits: Record<string, string>[] = [{ 'hugepages-2Mi': '4Mi' }, { 'hugepages-2Mi': '2Mi' }, {}];
  const p: Pod = { metadata: {}, spec: { containers: limits.map((each) => ({ name: 'c', resources: { limits: each } })) } };
  expect(podHugepages(p, { cpu: '1', 'hugepages-2Mi': '0', 'hugepages-1Gi': '2Gi' }).hugepageLimits).toEqual([
    { pageSize: '2MB', limit: 6 << 20 },
    { pageSize: '1GB', limit: 0 },
  ]);
  expect(podHugepages(p, { cpu: '1' })).toEqual({});
});
