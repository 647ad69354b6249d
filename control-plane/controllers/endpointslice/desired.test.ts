import { expect, test } from 'vitest';
import type { Node, Pod, Service } from '../../../api/gen/types/core.v1.ts';
import { groupsOf } from './desired.ts';

const pod: Pod = {
  metadata: { name: 'p', namespace: 'n', uid: 'u' },
  spec: { nodeName: 'node-1', containers: [] },
  status: { podIP: '10.0.0.1', phase: 'Running' },
};
const nodeIn = (zone?: string): Node => ({ metadata: { name: 'node-1', labels: zone ? { 'topology.kubernetes.io/zone': zone } : {} } });
const hintsOf = (trafficDistribution: string | undefined, zone?: string) => {
  const service: Service = {
    metadata: { name: 's' },
    spec: { ports: [{ port: 80 }], ...(trafficDistribution ? { trafficDistribution } : {}) },
  };
  return groupsOf(service, [pod], () => nodeIn(zone), 'IPv4')[0]?.endpoints[0]?.hints;
};

test.each([
  [undefined, 'a', undefined],
  ['PreferClose', 'a', { forZones: [{ name: 'a' }] }],
  ['PreferSameZone', 'a', { forZones: [{ name: 'a' }] }],
  ['PreferSameZone', undefined, undefined],
  ['PreferSameNode', 'a', { forZones: [{ name: 'a' }], forNodes: [{ name: 'node-1' }] }],
  ['PreferSameNode', undefined, { forNodes: [{ name: 'node-1' }] }],
])('trafficDistribution %s in zone %s', (distribution, zone, hints) => {
  expect(hintsOf(distribution, zone)).toEqual(hints);
});
