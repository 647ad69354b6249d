// Routes to pods: which nodes give one, and what changes.
import { expect, test } from 'vitest';
import type { Node } from '../../../api/gen/types/core.v1.ts';
import { podRoutes, routeChanges } from './plan.ts';

const node = (podCIDR: string | undefined, address: string | undefined) =>
  ({ metadata: {}, spec: podCIDR ? { podCIDR } : {}, status: address ? { addresses: [{ type: 'InternalIP', address }] } : {} }) as Node;

test('a route for each node that has both range and address', () => {
  expect(podRoutes([node('10.244.0.0/24', '172.30.0.11'), node(undefined, '172.30.0.12'), node('10.244.2.0/24', undefined)])).toEqual([
    { destination: '10.244.0.0/24', gateway: '172.30.0.11' },
  ]);
});

test('only differences are written; a moved range is replaced, not removed', () => {
  const a = { destination: '10.244.0.0/24', gateway: '172.30.0.11' };
  const moved = { ...a, gateway: '172.30.0.12' };
  const gone = { destination: '10.244.1.0/24', gateway: '172.30.0.12' };
  expect(routeChanges([a], [a])).toEqual({ add: [], remove: [] });
  expect(routeChanges([moved], [a, gone])).toEqual({ add: [moved], remove: [gone] });
});
