import { expect, test } from 'vitest';
import type { Endpoint, EndpointSlice } from '../../../api/gen/types/discovery.v1.ts';
import { changesFor } from './slices.ts';

const http = [{ name: 'http', port: 80, protocol: 'TCP' }];
const endpoint = (name: string, ready = true): Endpoint => ({
  addresses: [`10.0.0.${name}`],
  conditions: { ready },
  targetRef: { kind: 'Pod', name, uid: name },
});
const slice = (name: string, endpoints: Endpoint[], ports = http): EndpointSlice => ({
  metadata: { name },
  addressType: 'IPv4',
  endpoints,
  ports,
});
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => endpoint(String(from + i)));

/** `+3` creates a slice of 3, `a:2` writes slice a with 2 endpoints, `-a` deletes it. */
function told(existing: EndpointSlice[], groups: { ports: typeof http; endpoints: Endpoint[] }[], labelsMatch = true): string {
  const changes = changesFor(existing, groups, () => labelsMatch);
  return [
    ...changes.create.map(({ endpoints }) => `+${endpoints.length}`),
    ...changes.update.map(({ slice: { metadata }, content }) => `${metadata.name}:${content.endpoints.length}`),
    ...changes.delete.map(({ metadata }) => `-${metadata.name}`),
  ].join(' ');
}

test.each([
  ['no endpoints, no slice: an empty one', [], [], '+0'],
  ['no endpoints, the empty one is there', [slice('a', [], [])], [], ''],
  ['the first endpoint takes over the empty slice', [slice('a', [], [])], [{ ports: http, endpoints: [endpoint('1')] }], 'a:1'],
  ['the last endpoint leaves the slice empty', [slice('a', [endpoint('1')])], [], 'a:0'],
  ['nothing changed', [slice('a', numbers(1, 3))], [{ ports: http, endpoints: numbers(1, 3) }], ''],
  ['readiness changed', [slice('a', [endpoint('1', false)])], [{ ports: http, endpoints: [endpoint('1')] }], 'a:1'],
  ['one more goes where room is', [slice('a', numbers(1, 3))], [{ ports: http, endpoints: numbers(1, 4) }], 'a:3'],
  ['a full slice is left alone', [slice('a', numbers(0, 100))], [{ ports: http, endpoints: numbers(0, 101) }], '+1'],
  ['250 at once', [], [{ ports: http, endpoints: numbers(0, 250) }], '+100 +100 +50'],
  [
    'an emptied slice goes',
    [slice('a', [endpoint('1')]), slice('b', [endpoint('2')])],
    [{ ports: http, endpoints: [endpoint('2')] }],
    '-a',
  ],
  [
    'two sets of ports, two slices',
    [slice('a', [endpoint('1')])],
    [
      { ports: http, endpoints: [endpoint('1')] },
      { ports: [{ name: 'http', port: 81, protocol: 'TCP' }], endpoints: [endpoint('2')] },
    ],
    '+1',
  ],
])('%s', (_, existing, groups, expected) => {
  expect(told(existing, groups)).toBe(expected);
});

test('slices with other labels than they should have are written', () => {
  expect(told([slice('a', [endpoint('1')])], [{ ports: http, endpoints: [endpoint('1')] }], false)).toBe('a:1');
});
