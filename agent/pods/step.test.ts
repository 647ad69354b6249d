import { expect, test } from 'vitest';
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import type { ContainerStatus, PodSandboxStatus } from '../cri/index.ts';
import { type Facts, nextSteps, stepKey } from './step.ts';

const pod = (spec: Partial<Pod['spec']> & object): Pod => ({
  metadata: { name: 'p' },
  spec: { restartPolicy: 'Always', containers: [{ name: 'c' }], ...spec },
});
const ready = { id: 's', state: 'ready', metadata: { attempt: 0 } } as PodSandboxStatus;
const dead = { ...ready, state: 'notready' } as PodSandboxStatus;
const record = (name: string, state: ContainerStatus['state'], exitCode = 0, attempt = 0): ContainerStatus =>
  ({ id: `${name}${attempt}`, sandboxId: 's', metadata: { name, attempt }, state, exitCode }) as ContainerStatus;
const facts = (more: Partial<Facts> = {}): Facts => ({
  nowMs: 1000,
  stopping: false,
  sandbox: ready,
  containers: [],
  volumesReady: true,
  busy: new Set(),
  heldUntilMs: () => undefined,
  hasStarted: () => true,
  condemned: new Set(),
  comeBack: new Set(),
  graceUntilMs: undefined,
  preStopped: new Set(),
  outdated: false,
  ...more,
});
const keys = (p: Pod, more: Partial<Facts>): string => {
  const { steps, finished } = nextSteps(p, facts(more));
  return [...steps.map(stepKey), ...(finished ? ['finished'] : [])].join(', ');
};
const sidecar: Container = { name: 's1', restartPolicy: 'Always' };
const hooked: Container = { name: 's2', restartPolicy: 'Always', lifecycle: { preStop: { exec: { command: ['x'] } } } };
const init: Container = { name: 'i' };

test.each<[string, Pod, Partial<Facts>, string]>([
  ['a new pod', pod({}), { sandbox: undefined, volumesReady: false }, 'set-up-volumes, create-sandbox'],
  ['while both are made', pod({}), { sandbox: undefined, volumesReady: false, busy: new Set(['set-up-volumes', 'create-sandbox']) }, ''],
  ['network up, volumes not', pod({}), { volumesReady: false, busy: new Set(['set-up-volumes']) }, ''],
  ['both there', pod({}), {}, 'start-container c'],
  ['running', pod({}), { containers: [record('c', 'running')] }, ''],
  ['crashed', pod({}), { containers: [record('c', 'exited', 1)] }, 'start-container c'],
  ['crashed and held', pod({}), { containers: [record('c', 'exited', 1)], heldUntilMs: () => 5000 }, ''],
  ['completed, OnFailure', pod({ restartPolicy: 'OnFailure' }), { containers: [record('c', 'exited', 0)] }, 'stop-sandbox'],
  ['completed, network gone', pod({ restartPolicy: 'Never' }), { sandbox: dead, containers: [record('c', 'exited', 1)] }, 'finished'],
  [
    'ended for another image',
    pod({ restartPolicy: 'Never' }),
    { containers: [record('c', 'exited', 2)], comeBack: new Set(['c0']) },
    'start-container c',
  ],
  [
    'sentenced for good, with a sidecar',
    pod({ restartPolicy: 'Never', initContainers: [hooked] }),
    { containers: [record('s2', 'running'), record('c', 'running')], condemned: new Set(['c0']) },
    'stop-container c0, pre-stop s20',
  ],
  [
    'sentenced to start anew, with a sidecar',
    pod({ restartPolicy: 'Never', initContainers: [hooked] }),
    { containers: [record('s2', 'running'), record('c', 'running')], condemned: new Set(['c0']), comeBack: new Set(['c0']) },
    'stop-container c0',
  ],
  ['the network died', pod({}), { sandbox: dead, containers: [record('c', 'exited', 255)] }, 'create-sandbox'],
  ['the network died under a container', pod({}), { sandbox: dead, containers: [record('c', 'running')] }, 'stop-container c0'],
  ['resized', pod({}), { containers: [record('c', 'running')], outdated: true }, 'resize'],
  ['resized, held after a failure', pod({}), { containers: [record('c', 'running')], outdated: true, heldUntilMs: () => 5000 }, ''],
  ['a failed probe', pod({}), { containers: [record('c', 'running')], condemned: new Set(['c0']) }, 'stop-container c0'],
  ['two containers one by one', pod({ containers: [{ name: 'c' }, { name: 'd' }] }), {}, 'start-container c'],
  [
    'the second is not held by the first',
    pod({ containers: [{ name: 'c' }, { name: 'd' }] }),
    { heldUntilMs: (n) => (n === 'c' ? 5000 : undefined) },
    'start-container d',
  ],
  [
    'the second waits while the first starts',
    pod({ containers: [{ name: 'c' }, { name: 'd' }] }),
    { busy: new Set(['start-container c']) },
    '',
  ],
  ['init first', pod({ initContainers: [init] }), {}, 'start-container i'],
  ['init running', pod({ initContainers: [init] }), { containers: [record('i', 'running')] }, ''],
  ['init done', pod({ initContainers: [init] }), { containers: [record('i', 'exited')] }, 'start-container c'],
  ['init failed', pod({ initContainers: [init] }), { containers: [record('i', 'exited', 1)] }, 'start-container i'],
  [
    'init failed for good',
    pod({ initContainers: [init], restartPolicy: 'Never' }),
    { containers: [record('i', 'exited', 1)] },
    'stop-sandbox',
  ],
  ['init is not repeated beside its main', pod({ initContainers: [init] }), { containers: [record('c', 'running')] }, ''],
  ['sidecar not started', pod({ initContainers: [sidecar] }), { containers: [record('s1', 'running')], hasStarted: () => false }, ''],
  ['sidecar started', pod({ initContainers: [sidecar] }), { containers: [record('s1', 'running')] }, 'start-container c'],
  [
    'sidecar crashed beside its main',
    pod({ initContainers: [sidecar] }),
    { containers: [record('s1', 'exited', 1), record('c', 'running')] },
    'start-container s1',
  ],
  [
    'sidecars end last',
    pod({ initContainers: [sidecar] }),
    { stopping: true, containers: [record('s1', 'running'), record('c', 'running')] },
    'stop-container c0',
  ],
  [
    'and in reverse',
    pod({ initContainers: [sidecar, { ...sidecar, name: 's2' }] }),
    { stopping: true, containers: [record('s1', 'running'), record('s2', 'running')] },
    'stop-container s20',
  ],
  [
    'their hooks run at once',
    pod({ initContainers: [sidecar, hooked] }),
    { stopping: true, containers: [record('s1', 'running'), record('s2', 'running'), record('c', 'running')] },
    'stop-container c0, pre-stop s20',
  ],
  [
    'its turn has come, its hook is not over',
    pod({ initContainers: [sidecar, hooked] }),
    { stopping: true, containers: [record('s1', 'running'), record('s2', 'running')], busy: new Set(['pre-stop s20']) },
    '',
  ],
  [
    'its hook is over, its turn has not come',
    pod({ initContainers: [sidecar, hooked] }),
    { stopping: true, containers: [record('s2', 'running'), record('c', 'running')], preStopped: new Set(['s20']) },
    'stop-container c0',
  ],
  [
    'its hook is over, and its turn has come',
    pod({ initContainers: [sidecar, hooked] }),
    { stopping: true, containers: [record('s1', 'running'), record('s2', 'running')], preStopped: new Set(['s20']) },
    'stop-container s20',
  ],
  [
    'the hook of an earlier one while a later one stops',
    pod({ initContainers: [hooked, sidecar] }),
    { stopping: true, containers: [record('s1', 'running'), record('s2', 'running')] },
    'stop-container s10, pre-stop s20',
  ],
  [
    'no hook twice: it was being stopped before the pod was',
    pod({ initContainers: [hooked] }),
    { stopping: true, containers: [record('s2', 'running'), record('c', 'running')], busy: new Set(['stop-container s20']) },
    'stop-container c0',
  ],
  [
    'no grace is left: all at once, but for one whose hook is about to be cut off',
    pod({ initContainers: [sidecar, hooked, { ...sidecar, name: 's3' }] }),
    {
      stopping: true,
      graceUntilMs: 1000,
      containers: [record('s1', 'running'), record('s2', 'running'), record('s3', 'running'), record('c', 'running')],
      busy: new Set(['pre-stop s20', 'stop-container c0']),
    },
    'stop-container s10, stop-container s30',
  ],
  [
    'a done job does not wait for its sidecar',
    pod({ initContainers: [sidecar], restartPolicy: 'Never' }),
    { containers: [record('s1', 'running'), record('c', 'exited')] },
    'stop-container s10',
  ],
  ['deleted before anything was made', pod({}), { stopping: true, sandbox: undefined }, 'finished'],
  ['deleted while the network is made', pod({}), { stopping: true, sandbox: undefined, busy: new Set(['create-sandbox']) }, ''],
  ['an ephemeral container', pod({ ephemeralContainers: [{ name: 'e' }] }), { containers: [record('c', 'running')] }, 'start-container e'],
  [
    'an ephemeral container runs once',
    pod({ ephemeralContainers: [{ name: 'e' }] }),
    { containers: [record('c', 'running'), record('e', 'exited')] },
    '',
  ],
])('%s', (_name, p, more, expected) => expect(keys(p, more)).toBe(expected));

test('held starts tell when to decide again', () => {
  expect(nextSteps(pod({}), facts({ containers: [record('c', 'exited', 1)], heldUntilMs: () => 5000 })).wakeAtMs).toBe(5000);
});

test('sidecars that wait for their turn are decided on again when the grace is over', () => {
  const containers = [record('s1', 'running'), record('c', 'running')];
  const ending = facts({ stopping: true, graceUntilMs: 31_000, containers });
  expect(nextSteps(pod({ initContainers: [sidecar] }), ending).wakeAtMs).toBe(31_000);
  expect(nextSteps(pod({ initContainers: [sidecar] }), { ...ending, nowMs: 31_000 }).wakeAtMs).toBeUndefined();
});

test('the attempt goes on counting in a new network', () => {
  const steps = nextSteps(pod({}), facts({ sandbox: { ...ready, id: 's2' }, containers: [record('c', 'exited', 1, 4)] })).steps;
  expect(steps).toEqual([{ do: 'start-container', name: 'c', attempt: 5, sandboxId: 's2' }]);
});

test('counts of restarts outlive the records, which a power failure may take', () => {
  const told = (containerID?: string) => ({
    ...pod({}),
    status: { containerStatuses: [{ name: 'c', restartCount: 4, ...(containerID ? { containerID } : {}) }] } as Pod['status'] & object,
  });
  const attempt = (of: Pod) => nextSteps(of, facts()).steps;
  expect(attempt(told('wherry://x'))).toEqual([{ do: 'start-container', name: 'c', attempt: 5, sandboxId: 's' }]);
  expect(attempt(told())).toEqual([{ do: 'start-container', name: 'c', attempt: 0, sandboxId: 's' }]);
});

test('a container that was made and never let go keeps its attempt: that is no restart', () => {
  expect(nextSteps(pod({}), facts({ containers: [record('c', 'created', 0, 2)] })).steps).toEqual([
    { do: 'start-container', name: 'c', attempt: 2, sandboxId: 's' },
  ]);
});

test('a container that was made before the node was lost, and never let go, is neither waited for nor taken for the one that runs', () => {
  const lost = { ...record('c', 'created', 0, 1), id: 'lost', sandboxId: 'former', createdAtMs: 1 };
  const here = { ...record('c', 'running', 0, 1), createdAtMs: 2 };
  const ended = { ...here, state: 'exited' as const };
  for (const order of [1, -1]) {
    expect(keys(pod({}), { containers: [lost, here].toSorted(() => order) })).toBe('');
    expect(keys(pod({}), { containers: [lost, ended].toSorted(() => order), stopping: true })).toBe('stop-sandbox');
    expect(keys(pod({}), { containers: [lost, ended].toSorted(() => order), stopping: true, sandbox: dead })).toBe('finished');
  }
});
