import { expect, test } from 'vitest';
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import type { ContainerStatus, PodSandboxStatus } from '../cri/index.ts';
import { nextSteps, stepKey } from './step.ts';

const trigger: Container = {
  name: 'a',
  restartPolicy: 'Never',
  restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }],
};
const pod: Pod = {
  metadata: { name: 'p' },
  spec: { restartPolicy: 'Never', initContainers: [{ name: 'i' }], containers: [trigger, { name: 'b' }] },
};
/** `name attempt state created finished code` */
const records = (...texts: string[]): ContainerStatus[] =>
  texts.map((text) => {
    const [name, attempt, state, created, finished, code] = text.split(' ');
    return {
      id: `${name}${attempt}`,
      sandboxId: 's',
      metadata: { name, attempt: Number(attempt) },
      state,
      createdAtMs: Number(created),
      finishedAtMs: Number(finished ?? 0),
      exitCode: Number(code ?? 0),
    } as ContainerStatus;
  });
const sandbox = { id: 's', state: 'ready', metadata: { attempt: 0 } } as PodSandboxStatus;
const stepsFor = (containers: ContainerStatus[]): string =>
  nextSteps(pod, {
    nowMs: 1000,
    stopping: false,
    sandbox,
    containers,
    volumesReady: true,
    busy: new Set(),
    heldUntilMs: () => undefined,
    hasStarted: () => true,
    comeBack: new Set<string>(),
    graceUntilMs: undefined,
    preStopped: new Set<string>(),
    condemned: new Set(),
    outdated: false,
  })
    .steps.map(stepKey)
    .join();

const done = 'i 0 exited 1 2 0';
const tripped = 'a 0 exited 3 10 42';

test.each<[string, string[], string]>([
  ['nothing starts while the others still run', [done, tripped, 'b 0 running 4'], ''],
  ['all have ended: the init container comes first', [done, tripped, 'b 0 exited 4 11 137'], 'start-container i'],
  ['init runs again', [done, tripped, 'b 0 exited 4 11 137', 'i 1 running 12'], ''],
  ['then the one that tripped', [done, tripped, 'b 0 exited 4 11 137', 'i 1 exited 12 13 0'], 'start-container a'],
  [
    'then the last, which would never have restarted by its own policy',
    [done, tripped, 'b 0 exited 4 11 137', 'i 1 exited 12 13 0', 'a 1 exited 14 15 0'],
    'start-container b',
  ],
  ['the new life ends as any other', [tripped, 'i 1 exited 12 13 0', 'a 1 exited 14 15 0', 'b 1 exited 16 17 0'], 'stop-sandbox'],
  ['it tripped before the second had started: that one starts first', [done, tripped], 'start-container b'],
  ['and ends with it', [done, tripped, 'b 0 running 12'], ''],
  ['and starts again with it', [done, tripped, 'b 0 exited 12 13 137', 'i 1 exited 14 15 0', 'a 1 exited 16 17 0'], 'start-container b'],
  ['another code ends the container only', [done, 'a 0 exited 3 10 1', 'b 0 running 4'], ''],
])('%s', (_, texts, expected) => {
  expect(stepsFor(records(...texts))).toBe(expected);
});
