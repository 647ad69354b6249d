import { expect, test } from 'vitest';
import { render, summarize } from './summary.ts';

const title = (group: string, text: string, State: string, Message = '') => ({
  ContainerHierarchyTexts: [`[${group}] Pods`],
  LeafNodeText: text,
  LeafNodeType: 'It',
  State,
  Failure: { Message },
});

test('a title counts for its group; what the filters left out is no result', () => {
  const summary = summarize([
    { SpecReports: [title('sig-node', 'a', 'passed'), title('sig-node', 'b', 'skipped'), title('sig-apps', 'c', 'pending')] },
    { SpecReports: [title('sig-node', 'd', 'skipped', 'only on Windows'), title('sig-apps', 'e', 'timedout', 'one\ntwo')] },
    { SpecReports: null },
  ]);
  expect(Object.fromEntries(summary.groups)).toEqual({
    'sig-node': { passed: 1, failed: 0, unsuited: 1 },
    'sig-apps': { passed: 0, failed: 1, unsuited: 0 },
  });
  expect(summary.failures).toEqual([{ title: '[sig-apps] Pods e', state: 'timedout', message: 'one\ntwo' }]);
});

test('preparations are no titles, but tell when they fail', () => {
  const node = { ContainerHierarchyTexts: null, LeafNodeText: '', LeafNodeType: 'SynchronizedBeforeSuite' };
  const summary = summarize([
    {
      SpecReports: [
        { ...node, State: 'failed', Failure: { Message: 'no node is ready' } },
        { ...node, State: 'passed' },
      ],
    },
  ]);
  expect(summary.groups.size).toBe(0);
  expect(summary.failures).toEqual([{ title: 'SynchronizedBeforeSuite', state: 'failed', message: 'no node is ready' }]);
});

test('the text has reasons first, then a row for each group in order', () => {
  const text = render(summarize([{ SpecReports: [title('sig-node', 'a', 'passed'), title('sig-apps', 'e', 'failed', 'one\ntwo')] }]));
  expect(text).toBe(`--- failed: [sig-apps] Pods e
    one
    two

| group | passed | failed | do not apply |
|---|---|---|---|
| sig-apps | 0 | 1 | 0 |
| sig-node | 1 | 0 | 0 |`);
});
