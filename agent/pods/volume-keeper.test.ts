// What a pod is told about its volumes: failures at once, also while it runs; waiting for an attacher only after some minutes.
import { expect, test } from 'vitest';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { silentLogger } from '../../kit/run/index.ts';
import { type PodPlace, VolumeProblem, VolumeSetupError, type Volumes } from '../volumes/index.ts';
import { Holds } from './holds.ts';
import type { PodEvents } from './pod-events.ts';
import { VolumeKeeper } from './volume-keeper.ts';

const pod: Pod = { metadata: { name: 'p', namespace: 'n' } };
const place = {} as PodPlace;

function keeperOf() {
  const world = { failure: undefined as VolumeSetupError | undefined, nowMs: 0, told: [] as string[], isFull: false };
  const set = async (_pod: Pod, _place: PodPlace, onFailure: (failure: VolumeSetupError) => void) => {
    if (!world.failure) return { paths: new Map([['v', '/v']]) };
    onFailure(world.failure);
    throw world.failure;
  };
  const keeper = new VolumeKeeper(
    {
      volumes: { setup: set, refresh: set, exceedsLimit: async () => world.isFull } as unknown as Volumes,
      clock: { nowMs: () => world.nowMs, sleep: async () => {} },
      events: {
        pod: (_: Pod, type: string, reason: string, message: string) => world.told.push(`${type} ${reason} ${message}`),
      } as unknown as PodEvents,
      log: silentLogger,
    },
    new Holds(),
    (reason, message) => world.told.push(`refused ${reason} ${message}`),
  );
  return { keeper, world };
}

test('what vanishes while a pod runs is told, and looked for again ever later', async () => {
  const { keeper, world } = keeperOf();
  await keeper.setUp(pod, place);
  world.failure = new VolumeSetupError('v', new VolumeProblem('configmap "c" not found'));
  keeper.changed();
  const waits: number[] = [];
  for (let times = 0; times < 10; times++) {
    await keeper.refresh(pod, place);
    waits.push((keeper.refreshAtMs ?? 0) - world.nowMs);
    world.nowMs = keeper.refreshAtMs ?? 0;
    expect(keeper.isStale).toBe(true);
  }
  expect(world.told).toHaveLength(10);
  expect(world.told[0]).toBe('Warning FailedMount MountVolume.SetUp failed for volume "v" : configmap "c" not found');
  expect(waits[0]).toBeLessThan(1000);
  expect(waits.at(-1)).toBeGreaterThan(60_000);
  expect(keeper.paths?.get('v')).toBe('/v');
  world.failure = undefined;
  await keeper.refresh(pod, place);
  expect(keeper.isStale).toBe(false);
});

test('a volume that is not attached yet is told about after two minutes', async () => {
  const { keeper, world } = keeperOf();
  world.failure = new VolumeSetupError('v', new VolumeProblem('not yet', 'attach'));
  for (const nowMs of [0, 60_000, 123_000, 124_000]) {
    world.nowMs = nowMs;
    await keeper.setUp(pod, place);
  }
  expect(world.told).toEqual([
    'Warning FailedMount Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[v], failed to process volumes=[]: context deadline exceeded',
  ]);
});

test('a container that is added may use a volume that was not set up', async () => {
  const { keeper } = keeperOf();
  const using = (...names: string[]): Pod => ({
    ...pod,
    spec: {
      volumes: [{ name: 'v' }, { name: 'w' }],
      containers: names.map((name) => ({ name, volumeMounts: [{ name, mountPath: '/' }] })),
    },
  });
  expect(keeper.areReady(using())).toBe(false);
  await keeper.setUp(using('v'), place);
  expect(keeper.areReady(using('v'))).toBe(true);
  expect(keeper.areReady(using('v', 'w'))).toBe(false);
});

test('a pod whose volume has no room on the node has the same two minutes, then it is refused', async () => {
  const { keeper, world } = keeperOf();
  world.failure = new VolumeSetupError('v', new VolumeProblem('not yet', 'attach'));
  world.isFull = true;
  for (const nowMs of [0, 60_000, 123_000]) {
    world.nowMs = nowMs;
    expect(world.told).toEqual([]);
    await keeper.setUp(pod, place);
  }
  expect(world.told).toEqual([
    'refused VolumeAttachmentLimitExceeded Node has reached its volume attachment limit, rejecting pod. unmounted volumes=[v], unattached volumes=[v], failed to process volumes=[]: context deadline exceeded',
  ]);
});
