// What clients are told, as tables.
import { expect, test } from 'vitest';
import type { ContainerStatus } from '../cri/index.ts';
import * as to from './to-wire.ts';

const status: ContainerStatus = {
  id: 'c1',
  sandboxId: 's1',
  podUid: 'u1',
  metadata: { name: 'main', attempt: 2 },
  state: 'exited',
  createdAtMs: 1_795_282_220_103,
  startedAtMs: 0,
  finishedAtMs: 1_795_282_220_103.5,
  exitCode: 137,
  reason: 'OOMKilled',
  message: '',
  image: 'nginx:1',
  imageId: 'sha256:aa',
  imageRef: 'nginx@sha256:bb',
  labels: { a: 'b' },
  annotations: {},
  mounts: [
    { hostPath: '/h', containerPath: '/c', propagation: 'host-to-container' },
    { hostPath: '', containerPath: '/i', readonly: true, image: 'data:1', imageId: 'sha256:cc', imageSubPath: 'etc' },
  ],
  logPath: '/logs/main.log',
  pid: 0,
  user: { uid: 1, gid: 2, supplementalGroups: [2, 3] },
  stopSignal: 'SIGRTMIN+3',
  tty: false,
  stdin: false,
  resources: { cpuShares: 512, pidsLimit: 10 },
};

test('a container: times in nanoseconds, the image twice, the reason as it is', () => {
  expect(to.containerStatus(status)).toMatchObject({
    state: 'CONTAINER_EXITED',
    createdAt: '1795282220103000000',
    startedAt: '0',
    finishedAt: '1795282220103500000',
    exitCode: 137,
    reason: 'OOMKilled',
    image: { image: 'nginx:1' },
    imageId: 'sha256:aa',
    imageRef: 'nginx@sha256:bb',
    user: { linux: { uid: 1, gid: 2, supplementalGroups: [2, 3] } },
    resources: { linux: { cpuShares: 512, unified: { 'pids.max': '10' } } },
    stopSignal: 'SIGRTMINPLUS3',
  });
});

test('mounts: folders, and images with what they are', () => {
  const [folder, image] = to.containerStatus(status).mounts!;
  expect(folder).toEqual({
    hostPath: '/h',
    containerPath: '/c',
    readonly: false,
    recursiveReadOnly: false,
    propagation: 'PROPAGATION_HOST_TO_CONTAINER',
  });
  expect(image).toMatchObject({ readonly: true, image: { image: 'data:1', imageRef: 'sha256:cc' }, imageSubPath: 'etc' });
});

test.each([
  ['SIGTERM', 'SIGTERM'],
  ['SIGRTMAX-2', 'SIGRTMAXMINUS2'],
  ['15', 'RUNTIME_DEFAULT'],
])('stop signal %s', (stopSignal, expected) => expect(to.containerStatus({ ...status, stopSignal }).stopSignal).toBe(expected));

test.each([
  [{ ips: ['10.0.0.1', 'fd00::1'] }, { ip: '10.0.0.1', additionalIps: [{ ip: 'fd00::1' }] }],
  [{ ips: [] }, { ip: '', additionalIps: [] }],
])('a sandbox with %j', ({ ips }, network) => {
  const sandbox = {
    id: 's',
    metadata: { name: 'p', namespace: 'n', uid: 'u', attempt: 0 },
    createdAtMs: 0,
    labels: {},
    annotations: {},
    runtimeHandler: '',
  };
  expect(to.podSandboxStatus({ ...sandbox, state: 'ready', ips, namespaces: { network: 'node' } })).toMatchObject({
    state: 'SANDBOX_READY',
    network,
    linux: { namespaces: { options: { network: 'NODE', pid: 'CONTAINER', ipc: 'POD' } } },
  });
});
