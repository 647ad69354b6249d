import { expect, test } from 'vitest';
import { wantedRoutes } from './routes.ts';

const node = (name: string, podCIDR: string | undefined, address: string | undefined) => ({
  metadata: { name },
  spec: podCIDR ? { podCIDR } : {},
  status: address
    ? {
        addresses: [
          { type: 'Hostname', address: name },
          { type: 'InternalIP', address },
        ],
      }
    : {},
});

test('one route for each other node that has both a range and an address', () => {
  const nodes = [
    node('a', '10.244.0.0/24', '192.0.2.1'),
    node('b', '10.244.1.0/24', '192.0.2.2'),
    node('c', undefined, '192.0.2.3'),
    node('d', '10.244.3.0/24', undefined),
  ];
  expect([...wantedRoutes(nodes, 'a')]).toEqual([['10.244.1.0/24', '192.0.2.2']]);
});
