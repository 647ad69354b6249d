import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Container, Pod, PodStatus } from '../../api/gen/types/core.v1.ts';
import type { EventRecorder } from '../../kit/client/index.ts';
import { systemClock } from '../../kit/run/index.ts';
import type { ContainerStatus, Cri } from '../cri/index.ts';
import { PodEvents } from './pod-events.ts';
import { Prober } from './prober.ts';

/** Time passes only while somebody sleeps, at once. */
function fastClock() {
  let nowMs = 0;
  const sleep = async (ms: number, signal?: AbortSignal) => {
    await Promise.resolve();
    signal?.throwIfAborted();
    nowMs += ms;
  };
  return { ...systemClock, nowMs: () => nowMs, sleep };
}

/** Times of the probes, and of what was told, until a minute is over or `endAtMs`. `answer`: whether a probe at that time succeeds. */
async function probed(
  container: Partial<Container>,
  answer: (nowMs: number) => boolean,
  endAtMs = 60_000,
  status: PodStatus = {},
  id: string = ID,
) {
  const clock = fastClock();
  const asked: number[] = [];
  const told: string[] = [];
  const over = Promise.withResolvers<void>();
  const execSync = async () => {
    const nowMs = clock.nowMs();
    if (nowMs > endAtMs) over.resolve();
    asked.push(nowMs);
    return { exitCode: answer(nowMs) ? 0 : 1, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  };
  const record: EventRecorder['record'] = (_object, _type, reason) => void told.push(`${clock.nowMs()} ${reason}`);
  const prober = new Prober({
    cri: { execSync } as unknown as Cri,
    clock,
    events: new PodEvents({ record } as EventRecorder),
    onChange: () => told.push(`${clock.nowMs()} ready ${prober.isReady(id)}, started ${prober.hasStarted(id)}`),
    onProbe: () => {},
    onUnhealthy: (_id, _name, kind) => {
      told.push(`${clock.nowMs()} ${kind} tripped`);
      over.resolve();
    },
  });
  const pod: Pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', ...container }] }, status };
  prober.follow(pod, [{ id, metadata: { name: 'c', attempt: 0 }, startedAtMs: 0 } as ContainerStatus], '', false);
  if (status.containerStatuses && prober.isReady(id)) told.push('ready from the first');
  await over.promise;
  prober.close();
  return { asked, told };
}

/** Its place within a period is the middle. */
const ID = '80000000';

const exec = { command: ['x'] };

test('a startup probe has its whole time: looks before it is due count no failure', async () => {
  const { told } = await probed({ startupProbe: { exec, failureThreshold: 3, periodSeconds: 10 } }, () => false);
  expect(told).toEqual(['0 Unhealthy', '10000 Unhealthy', '20000 Unhealthy', '20000 startup tripped']);
});

test('what becomes ready early is seen early', async () => {
  const { told } = await probed({ readinessProbe: { exec, periodSeconds: 10 } }, (nowMs) => nowMs >= 700);
  expect(told).toEqual(['0 Unhealthy', '750 ready true, started true']);
});

test('successes that are asked for in a row are counted in periods', async () => {
  const { told } = await probed({ readinessProbe: { exec, periodSeconds: 10, successThreshold: 2 } }, () => true);
  expect(told).toEqual(['10000 ready true, started true']);
});

test('a container that is sentenced is not asked again while it ends', async () => {
  const { asked, told } = await probed({ livenessProbe: { exec, failureThreshold: 2 } }, () => false, 600_000);
  expect(asked).toEqual([0, 10_000]);
  expect(told).toEqual(['0 Unhealthy', '10000 Unhealthy', '10000 liveness tripped', '10000 ready true, started true']);
});

test('one that stays unready is asked once a period', async () => {
  const { asked } = await probed({ readinessProbe: { exec, periodSeconds: 10 } }, () => false);
  expect(asked.filter((ms) => ms >= 10_000).slice(0, 3)).toEqual([10_000, 20_000, 30_000]);
});

/** The status of a pod whose container runs. */
const shown = (containerID: string, ready = true): PodStatus => ({
  containerStatuses: [{ name: 'c', image: '', imageID: '', restartCount: 0, containerID, ready, started: true, state: { running: {} } }],
});

test('after a restart of the agent a container stays as it was reported, and its probes begin somewhere within a period', async () => {
  const probes: Partial<Container> = { startupProbe: { exec }, readinessProbe: { exec, periodSeconds: 10 } };
  const known = await probed(probes, (nowMs) => nowMs < 20_000, 60_000, shown(`wherry://${ID}`));
  expect(known.asked.slice(0, 2)).toEqual([5000, 15_000]);
  expect(known.told[0]).toBe('ready from the first');
  expect(known.told.filter((line) => line.includes('ready false'))).toEqual(['45000 ready false, started true']);
  const another = await probed({ readinessProbe: { exec } }, () => true, 60_000, shown('wherry://another'));
  expect(another.told).not.toContain('ready from the first');
});

test.each([true, false])('a restarted agent meets 110 containers (ready: %s), and probes no bunch of them at once', async (isReady) => {
  const ids = Array.from({ length: 110 }, (_, i) => createHash('sha256').update(String(i)).digest('hex'));
  const perSecond = new Array<number>(10).fill(0);
  for (const id of ids) {
    const { asked } = await probed(
      { readinessProbe: { exec, periodSeconds: 10 } },
      () => isReady,
      10_000,
      shown(`wherry://${id}`, isReady),
      id,
    );
    perSecond[Math.floor(asked[0]! / 1000)]!++;
  }
  expect(Math.max(...perSecond)).toBeLessThan(25); // 11 on average
  expect(Math.min(...perSecond)).toBeGreaterThan(0);
});
