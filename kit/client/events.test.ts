import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Clock, silentLogger } from '../run/index.ts';
import type { Client } from './client.ts';
import { createEventRecorder } from './events.ts';

test('events of a start come after it, those of a node at once, with all that wait', async () => {
  const written: string[] = [];
  const sleeping: { ms: number; wake(): void; signal: AbortSignal | undefined }[] = [];
  const clock: Clock = {
    nowMs: () => 1_000,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
        sleeping.push({ ms, wake: resolve, signal });
      }),
  };
  const client = {
    create: async (_: unknown, body: { reason: string }) => {
      written.push(body.reason);
      return body;
    },
  } as unknown as Client;
  const recorder = createEventRecorder({ client, component: 'kubelet', log: silentLogger, clock });
  const about = (kind: string) => ({ apiVersion: 'v1', kind, metadata: { name: 'x', namespace: 'n' } });

  recorder.record(about('Pod'), 'Normal', 'Pulled', 'a');
  recorder.record(about('Pod'), 'Normal', 'Created', 'b');
  expect(sleeping.map(({ ms }) => ms)).toEqual([150]);
  recorder.record(about('Node'), 'Normal', 'NodeReady', 'c');
  recorder.record(about('Pod'), 'Normal', 'Started', 'd');
  expect(sleeping.map(({ ms, signal }) => [ms, signal?.aborted])).toEqual([
    [150, true],
    [10, false],
  ]);
  expect(written).toEqual([]);
  sleeping[1]!.wake();
  await setImmediate();
  expect(written.sort()).toEqual(['Created', 'NodeReady', 'Pulled', 'Started']);
});
