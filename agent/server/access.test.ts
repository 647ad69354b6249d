import { expect, test } from 'vitest';
import { subresourcesOf } from './access.ts';

test.each([
  ['/stats/summary', ['stats']],
  ['/metrics', ['metrics']],
  ['/metrics/cadvisor?x=1', ['metrics']],
  ['/metricsother', ['proxy']],
  ['/logs/', ['log']],
  ['/pods', ['pods', 'proxy']],
  ['/exec/ns/pod/c', ['proxy']],
  ['/', ['proxy']],
])('%s is allowed by %j', (url, expected) => expect(subresourcesOf(url)).toEqual(expected));
