// What is said to CRI comes back as it was, whichever side says it.
import { describe, expect, test } from 'vitest';
import type { ContainerStatus, LinuxResources, NamespaceOptions } from '../cri/index.ts';
import * as words from './words.ts';

const range = { hostId: 65_536, length: 65_536 };
const users = { uids: range, gids: range };

describe('there and back', () => {
  test.each<ContainerStatus['state']>(['created', 'running', 'exited', 'unknown'])('state %s', (state) =>
    expect(words.containerState(words.CONTAINER_STATE[state])).toBe(state),
  );

  test.each<ContainerStatus['mounts'][number]>([
    { hostPath: '/h', containerPath: '/c', readonly: true, recursiveReadOnly: true, propagation: 'private' },
    { hostPath: '/h', containerPath: '/c', readonly: false, propagation: 'host-to-container' },
    { hostPath: '/h', containerPath: '/c', readonly: false, propagation: 'bidirectional' },
    { hostPath: '', containerPath: '/c', readonly: true, propagation: 'private', image: 'data:1', imageSubPath: 'etc' },
    { hostPath: '', containerPath: '/c', readonly: true, propagation: 'private', image: 'data:1', imageId: 'sha256:cc' },
    { hostPath: '/h', containerPath: '/c', readonly: false, propagation: 'private', owners: users },
  ])('mount %j', (mount) => expect(words.fromMount(words.toMount(mount))).toEqual(mount));

  test.each<NamespaceOptions>([
    { network: 'pod', pid: 'container', ipc: 'pod' },
    { network: 'node', pid: 'pod', ipc: 'node' },
    { network: 'node', pid: 'node', ipc: 'pod' },
    { network: 'pod', pid: 'pod', ipc: 'pod', user: users },
  ])('namespaces %j', (namespaces) => expect(words.fromNamespaces(words.toNamespaces(namespaces))).toEqual(namespaces));

  test.each<LinuxResources>([
    {},
    { cpuPeriod: 100_000, cpuQuota: -1, cpuShares: 2, memoryLimitBytes: 1024, oomScoreAdj: -998 },
    { cpusetCpus: '0-1', cpusetMems: '0', pidsLimit: 10, hugepageLimits: [{ pageSize: '2MB', limit: 4096 }] },
    { unified: { 'memory.oom.group': '1' }, pidsLimit: 3 },
  ])('resources %j', (resources) => expect(words.fromResources(words.toResources(resources))).toEqual(resources));

  test.each(['SIGTERM', 'SIGRTMIN+3', 'SIGRTMAX-2'])('signal %s', (name) => expect(words.fromSignal(words.toSignal(name))).toBe(name));
});

test('resources: zero is nothing, a 64-bit number may be a text', () => {
  expect(words.fromResources({ cpuQuota: 0, cpuShares: '512', memoryLimitInBytes: 1024, unified: { 'pids.max': '10' } })).toEqual({
    cpuShares: 512,
    memoryLimitBytes: 1024,
    pidsLimit: 10,
  });
});

test("a namespace mode that is not given is CRI's first", () =>
  expect(words.fromNamespaces({})).toEqual({ network: 'pod', pid: 'pod', ipc: 'pod' }));
