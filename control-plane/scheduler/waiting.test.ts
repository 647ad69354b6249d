import { expect, test } from 'vitest';
import { podInfoOf } from './pod-info.ts';
import { WaitingPods } from './waiting.ts';

const pod = (name: string, priority = 0) =>
  podInfoOf({ metadata: { namespace: 'n', name, uid: name }, spec: { containers: [], priority } });
const names = (waiting: WaitingPods) => {
  const taken: string[] = [];
  for (let next = waiting.take(); next; next = waiting.take()) taken.push(next.pod.name);
  return taken;
};

test('important pods first, then in order of arrival', () => {
  const waiting = new WaitingPods();
  for (const [name, priority] of [
    ['a', 0],
    ['b', 10],
    ['c', 0],
    ['d', 10],
  ] as const)
    waiting.add(pod(name, priority));
  expect(names(waiting)).toEqual(['b', 'd', 'a', 'c']);
});

test('a failed pod waits for what can help it, then for its back-off', () => {
  const waiting = new WaitingPods();
  waiting.failed(pod('a'), 0, new Set(['node']), waiting.now, 1000);
  waiting.happened('pod-gone');
  waiting.wake(5000);
  expect(names(waiting)).toEqual([]);
  waiting.happened('node');
  waiting.wake(1010);
  expect(names(waiting)).toEqual([]);
  expect(waiting.dueInMs(1010)).toBe(40);
  waiting.wake(1050);
  expect(names(waiting)).toEqual(['a']);
});

test('help that came while the pod was being tried is not lost', () => {
  const waiting = new WaitingPods();
  const since = waiting.now;
  waiting.happened('node');
  waiting.failed(pod('a'), 0, new Set(['node']), since, 1000);
  waiting.wake(1050);
  expect(names(waiting)).toEqual(['a']);
});

test('after five minutes a pod is tried anyway', () => {
  const waiting = new WaitingPods();
  waiting.failed(pod('a'), 0, new Set(['node']), waiting.now, 1000);
  waiting.wake(301_000);
  expect(names(waiting)).toEqual(['a']);
});

test('until when nothing needs to be looked at', () => {
  const waiting = new WaitingPods();
  const due = (nowMs: number) => waiting.dueInMs(nowMs);
  expect(due(0)).toBe(300_000);
  waiting.failed(pod('a'), 0, new Set(['node']), waiting.now, 1000);
  expect(due(2000)).toBe(299_000);
  waiting.failed(pod('b'), 0, undefined, waiting.now, 1000);
  expect(due(1049)).toBe(1);
  // due meanwhile: asking does not take it away from who asks next
  expect([due(1050), due(1060)]).toEqual([0, 0]);
  waiting.wake(1060);
  expect(due(1060)).toBe(0);
  expect(names(waiting)).toEqual(['b']);
  expect(due(301_001)).toBe(0);
  waiting.wake(301_001);
  expect(names(waiting)).toEqual(['a']);
});

test('a pod that is removed is nowhere', () => {
  const waiting = new WaitingPods();
  waiting.add(pod('a'));
  waiting.failed(pod('b'), 0, undefined, 0, 0);
  waiting.failed(pod('c'), 0, new Set(['node']), 0, 0);
  for (const uid of ['a', 'b', 'c']) waiting.remove(uid);
  expect(waiting.size).toBe(0);
});
