import { expect, test } from 'vitest';
import type { Pod, PodStatus } from '../../api/gen/types/core.v1.ts';
import { StatusError } from '../../api/meta/index.ts';
import type { Client } from '../../kit/client/index.ts';
import { silentLogger, systemClock } from '../../kit/run/index.ts';
import { StatusWriter } from './status-writer.ts';

const pod = (resourceVersion: string, status: PodStatus): Pod => ({
  metadata: { name: 'p', namespace: 'ns', uid: 'u', resourceVersion },
  status,
});
const ready: PodStatus = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };

/** A writer of a pod whose API server answers each write with `answer`, and the writes that it got. */
function writerOf(answer: () => Pod) {
  const written: unknown[] = [];
  const patch = async (_resource: unknown, _name: string, _type: string, body: { status: unknown }) => {
    written.push(body.status);
    return answer();
  };
  const options = { client: { patch } as unknown as Client, clock: systemClock, log: silentLogger, signal: new AbortController().signal };
  return { written, writer: new StatusWriter(options, pod('1', { phase: 'Pending' })) };
}

test('what was put here is no news when the watch shows it, before the answer or after', async () => {
  const { writer, written } = writerOf(() => pod('2', ready));
  writer.put(ready);
  expect(writer.seen(pod('2', ready))).toBe(false);
  await writer.settled();
  expect(writer.seen(pod('2', ready))).toBe(false);
  expect(written).toHaveLength(1);
});

test.each<[string, PodStatus]>([
  ["somebody else's condition", { ...ready, conditions: [...ready.conditions!, { type: 'example.com/gate', status: 'True' }] }],
  ['another value of ours', { ...ready, conditions: [{ type: 'Ready', status: 'False' }] }],
  ['another field', { ...ready, message: 'x' }],
])('%s is news, though it came with the answer', async (_, status) => {
  const { writer } = writerOf(() => pod('3', status));
  writer.put(ready);
  await writer.settled();
  expect(writer.seen(pod('3', status))).toBe(true);
});

test('before anything was put all is news', () => expect(writerOf(() => pod('2', {})).writer.seen(pod('2', {}))).toBe(true));

test('what came with an answer is not taken back by an older event', async () => {
  const { writer } = writerOf(() => pod('3', ready));
  writer.put(ready);
  await writer.settled();
  writer.seen(pod('2', { phase: 'Pending' }));
  expect(writer.base).toEqual(ready);
});

test('a status that the server refuses for good holds nothing up', async () => {
  let answers = 0;
  const { writer, written } = writerOf(() => {
    if (answers++ === 0) throw new StatusError(422, 'Invalid', 'm');
    return pod('2', ready);
  });
  writer.put({ ...ready, phase: 'Refused' });
  await writer.settled();
  writer.put(ready);
  await writer.settled();
  expect([written.length, writer.base]).toEqual([2, ready]);
});
