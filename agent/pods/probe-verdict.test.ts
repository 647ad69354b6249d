import { expect, test } from 'vitest';
import { counted, firstCount, type ProbeKind } from './probe-verdict.ts';

const states = (kind: ProbeKind, results: string, probe = {}): string => {
  let count = firstCount(kind);
  return [...results]
    .map((result) => {
      count = counted(count, result === '+', probe);
      return count.ok ? 'y' : 'n';
    })
    .join('');
};

test.each<[ProbeKind, string, object, string]>([
  ['readiness', '+---+', {}, 'yyyny'],
  ['readiness', '--', {}, 'nn'],
  ['readiness', '++-+++', { successThreshold: 2, failureThreshold: 1 }, 'nynnyy'],
  ['liveness', '---', {}, 'yyn'],
  ['liveness', '--+--', {}, 'yyyyy'],
  ['startup', '---+', { failureThreshold: 5 }, 'nnny'],
])('%s %s with %j', (kind, results, probe, expected) => expect(states(kind, results, probe)).toBe(expected));
