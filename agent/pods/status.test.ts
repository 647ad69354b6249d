import { expect, test } from 'vitest';
import type { Container, Pod, PodSpec, PodStatus } from '../../api/gen/types/core.v1.ts';
import type { ContainerStatus, PodSandboxStatus } from '../cri/index.ts';
import { podStatus, type StatusFacts } from './status.ts';

const pod = (spec: Partial<PodSpec> = {}, status: PodStatus = {}): Pod => ({
  metadata: { name: 'p', generation: 3 },
  spec: { restartPolicy: 'Always', containers: [{ name: 'c', image: 'i' }], ...spec },
  status,
});
const sandbox = { id: 's', state: 'ready', ips: ['10.1.0.2'], metadata: { attempt: 0 } } as PodSandboxStatus;
const record = (name: string, state: ContainerStatus['state'], exitCode = 0, attempt = 0): ContainerStatus =>
  ({
    id: `${name}${attempt}`,
    metadata: { name, attempt },
    state,
    exitCode,
    reason: '',
    message: '',
    image: 'i',
    imageRef: 'i@sha256:1',
    startedAtMs: 1000,
    finishedAtMs: 2000,
  }) as ContainerStatus;
const of = (p: Pod, more: Partial<StatusFacts> = {}): PodStatus =>
  podStatus(p, {
    sandbox,
    records: [],
    hostIP: '192.0.2.1',
    nowMs: 60_000,
    seenMs: 59_000,
    finished: false,
    verdict: undefined,
    waiting: () => undefined,
    hasStarted: () => true,
    isReady: () => true,
    terminationMessage: () => undefined,
    comesBack: () => false,
    isOutdated: () => false,
    resize: [],
    ...more,
  });
const phaseAndReady = (status: PodStatus): string => {
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  return [status.phase, ready?.status, ready?.reason, ready?.message].filter(Boolean).join(' ');
};
const unready = (...names: string[]) => `False ContainersNotReady containers with unready status: [${names.join(' ')}]`;
const sidecar: Container = { name: 's', restartPolicy: 'Always' };
const never: Partial<PodSpec> = { restartPolicy: 'Never' };

test('a container that the node starts anew against its policy never shows its end as its state, which it could not leave', () => {
  const status = of(pod(never, { phase: 'Running' }), { records: [record('c', 'exited')], comesBack: () => true });
  const [shown] = status.containerStatuses ?? [];
  expect([status.phase, shown?.state, shown?.lastState?.terminated?.exitCode]).toEqual([
    'Running',
    { waiting: { reason: 'ContainerCreating' } },
    0,
  ]);
});

test.each<[string, Pod, Partial<StatusFacts>, string]>([
  ['new', pod(), { sandbox: undefined }, `Pending ${unready('c')}`],
  ['made, not started', pod(), { records: [record('c', 'created')] }, `Pending ${unready('c')}`],
  ['running', pod(), { records: [record('c', 'running')] }, 'Running True'],
  ['running, not ready', pod(), { records: [record('c', 'running')], isReady: () => false }, `Running ${unready('c')}`],
  ['crashed, comes back', pod(), { records: [record('c', 'exited', 1)] }, `Running ${unready('c')}`],
  ['completed, network still there', pod(never, { phase: 'Running' }), { records: [record('c', 'exited')] }, 'Running False PodCompleted'],
  ['completed', pod(never, { phase: 'Running' }), { records: [record('c', 'exited')], finished: true }, 'Succeeded False PodCompleted'],
  ['failed', pod(never, { phase: 'Running' }), { records: [record('c', 'exited', 1)], finished: true }, 'Failed False PodFailed'],
  [
    'one of two failed',
    pod({ ...never, containers: [{ name: 'a' }, { name: 'b' }] }),
    { records: [record('a', 'exited', 1), record('b', 'running')] },
    `Running ${unready('a')}`,
  ],
  ['init running', pod({ initContainers: [{ name: 'i' }] }), { records: [record('i', 'running')] }, `Pending ${unready('c')}`],
  [
    'init failed for good',
    pod({ ...never, initContainers: [{ name: 'i' }] }),
    { records: [record('i', 'exited', 1)], finished: true },
    'Failed False PodFailed',
  ],
  [
    'sidecar not ready',
    pod({ initContainers: [sidecar] }),
    { records: [record('s', 'running'), record('c', 'running')], isReady: (id) => id !== 's0' },
    `Running ${unready('s')}`,
  ],
  [
    'a gate is shut',
    pod({ readinessGates: [{ conditionType: 'g' }] }),
    { records: [record('c', 'running')] },
    'Running False ReadinessGatesNotReady corresponding condition of pod readiness gate "g" does not exist.',
  ],
  [
    'deadline, and it still runs',
    pod({}, { phase: 'Running' }),
    { records: [record('c', 'running')], verdict: { reason: 'DeadlineExceeded', message: 'm' } },
    'Running False PodFailed',
  ],
  [
    'deadline, and it has ended',
    pod({}, { phase: 'Running' }),
    { records: [record('c', 'exited', 137)], finished: true, verdict: { reason: 'DeadlineExceeded', message: 'm' } },
    'Failed False PodFailed',
  ],
  ['an end is never taken back', pod(never, { phase: 'Succeeded' }), { records: [record('c', 'running')] }, 'Succeeded True'],
])('%s', (_name, p, more, expected) => expect(phaseAndReady(of(p, more))).toBe(expected));

test('a crash loop shows what is waited for, what was, and the count', () => {
  const waiting = { reason: 'CrashLoopBackOff', message: 'back-off 20s' };
  const [status] =
    of(pod(), { records: [record('c', 'exited', 1, 1), record('c', 'exited', 2, 2)], waiting: () => waiting }).containerStatuses ?? [];
  expect(status).toMatchObject({
    restartCount: 2,
    ready: false,
    started: false,
    state: { waiting },
    lastState: { terminated: { exitCode: 2, reason: 'Error' } },
  });
});

test('init containers keep their order, others are sorted', () => {
  const status = of(pod({ initContainers: [{ name: 'z' }, { name: 'a' }], containers: [{ name: 'y' }, { name: 'b' }] }));
  expect(status.initContainerStatuses?.map(({ name, state }) => `${name} ${state?.waiting?.reason}`)).toEqual([
    'z PodInitializing',
    'a PodInitializing',
  ]);
  expect(status.containerStatuses?.map(({ name }) => name)).toEqual(['b', 'y']);
});

test('times of conditions change only with their status, conditions of others stay', () => {
  const before = of(pod(), { nowMs: 1000 });
  const gate = { type: 'g', status: 'True' };
  const after = of(pod({}, { ...before, conditions: [...(before.conditions ?? []), gate] }), {
    nowMs: 9000,
    records: [record('c', 'running')],
  });
  const time = (type: string) => after.conditions?.find((condition) => condition.type === type)?.lastTransitionTime;
  expect([time('Initialized'), time('Ready')]).toEqual(['1970-01-01T00:00:01Z', '1970-01-01T00:00:09Z']);
  expect(after.conditions?.[0]).toEqual(gate);
});

test('an address once told stays, also when the network is gone', () => {
  const running = of(pod(), { records: [record('c', 'running')] });
  expect(running).toMatchObject({ podIP: '10.1.0.2', hostIP: '192.0.2.1', observedGeneration: 3, startTime: '1970-01-01T00:00:59Z' });
  expect(of(pod({}, running), { sandbox: { ...sandbox, state: 'notready', ips: [] } }).podIP).toBe('10.1.0.2');
});

test('of a pod that was never let in only the reason is told', () => {
  const status = of(pod(), { sandbox: undefined, finished: true, verdict: { reason: 'NodePorts', message: 'm', refused: true } });
  expect(status).toMatchObject({ phase: 'Failed', reason: 'NodePorts', message: 'm', qosClass: 'BestEffort' });
  expect(Object.keys(status)).not.toContain('containerStatuses');
  expect(Object.keys(status)).not.toContain('hostIP');
});

test('devices show their health', () => {
  const devices = [{ name: 'x.io/gpu', resources: [{ resourceID: 'g0', health: 'Unhealthy' }] }];
  const status = of(pod(), { records: [record('c', 'running')], devices: (name) => (name === 'c' ? devices : undefined) });
  expect(status.containerStatuses?.[0]?.allocatedResourcesStatus).toEqual(devices);
});

test.each([
  [undefined, undefined],
  [{ uid: 1000, gid: 1000, supplementalGroups: [1000, 60000] }, { linux: { uid: 1000, gid: 1000, supplementalGroups: [1000, 60000] } }],
  [{ uid: 0, gid: 0, supplementalGroups: [] }, { linux: { uid: 0, gid: 0 } }],
])('the user of a container: %j', (user, shown) => {
  const records = [{ ...record('c', 'running'), ...(user ? { user } : {}) }];
  expect(of(pod(), { records }).containerStatuses?.[0]?.user).toEqual(shown);
});
