import { expect, test } from 'vitest';
import { subresourcesOf } from './access.ts';
import { targetOf } from './target.ts';

test.each([
  ['/stats/summary', ['stats']],
  ['/metrics', ['metrics']],
  ['/metrics/cadvisor?x=1', ['metrics']],
  ['/metricsother', ['proxy']],
  ['/logs/', ['log']],
  ['//%6detrics/x', ['metrics']],
  ['/%65xec/ns/pod/c', ['proxy']],
  ['/pods', ['pods', 'proxy']],
  ['/exec/ns/pod/c', ['proxy']],
  ['/', ['proxy']],
])('%s is allowed by %j', (url, expected) => expect(subresourcesOf(targetOf(url))).toEqual(expected));
