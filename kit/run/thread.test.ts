import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { TextThread, type ThreadOptions } from './thread.ts';

/** Says what it is told; `hang` is never answered, `die` ends it, `eat` takes memory without end, `who` is another number for each thread. */
const code = `
import { parentPort, threadId } from 'node:worker_threads';
parentPort.on('message', (text) => {
  if (text === 'hang') for (;;);
  if (text === 'die') throw new Error('died');
  if (text === 'eat') for (const held = []; ; ) held.push({ more: held.length });
  parentPort.postMessage(text === 'who' ? String(threadId) : text);
});`;
const options: ThreadOptions = { memoryMb: 32, deadlineMs: 60_000, waitingMax: 3, idleMs: 60_000 };
const never = new AbortController().signal;

const threadOf = (more: Partial<ThreadOptions> = {}) =>
  new TextThread(new URL(`data:text/javascript,${encodeURIComponent(code)}`), { ...options, ...more });

test('answers each, by one thread, the short ones first', async () => {
  const thread = threadOf();
  const order: string[] = [];
  await Promise.all(['first', 'longer', 'short'].map((text) => thread.ask(text, never).then((answer) => order.push(answer))));
  expect(order).toEqual(['first', 'short', 'longer']);
  expect(await thread.ask('who', never)).toBe(await thread.ask('who', never));
});

test.each([
  ['eat', { why: 'memory' }],
  ['die', { message: 'died' }],
])('who lets it %s is told, and who waits is answered', async (text, error) => {
  const thread = threadOf();
  const [bad, good] = await Promise.allSettled([thread.ask(text, never), thread.ask('good one', never)]);
  expect([bad, good]).toMatchObject([
    { status: 'rejected', reason: error },
    { status: 'fulfilled', value: 'good one' },
  ]);
});

test('who goes away ends what the thread was at, or leaves the queue', async () => {
  const thread = threadOf();
  const [running, waiting] = [new AbortController(), new AbortController()];
  const asked = [thread.ask('hang', running.signal), thread.ask('waiting', waiting.signal), thread.ask('last one', never)];
  waiting.abort(new Error('gone too'));
  running.abort(new Error('gone'));
  expect((await Promise.allSettled(asked)).map((one) => (one.status === 'rejected' ? one.reason.message : one.value))).toEqual([
    'gone',
    'gone too',
    'last one',
  ]);
  await expect(thread.ask('x', running.signal)).rejects.toThrow('gone');
});

test('a deadline ends it, and no more than so many wait', async () => {
  const thread = threadOf({ deadlineMs: 100, waitingMax: 1 });
  const asked = [thread.ask('hang', never), thread.ask('hang', never), thread.ask('hang', never)];
  expect((await Promise.allSettled(asked)).map((one) => one.status === 'rejected' && one.reason.why)).toEqual([
    'deadline',
    'deadline',
    'busy',
  ]);
});

test('it ends when there is nothing to do', async () => {
  const thread = threadOf({ idleMs: 0 });
  const first = await thread.ask('who', never);
  await setTimeout(5); // due after the thread's end, which was due first
  expect(await thread.ask('who', never)).not.toBe(first);
});
