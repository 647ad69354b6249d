// Which nodes are endpoints of the cluster's DNS.
import { expect, test } from 'vitest';
import type { Node } from '../../../api/gen/types/core.v1.ts';
import { dnsService, dnsSlice } from './controller.ts';

const node = (name: string, ip: string | undefined, ready: string | undefined): Node => ({
  metadata: { name },
  status: {
    addresses: [{ type: 'Hostname', address: name }, ...(ip ? [{ type: 'InternalIP', address: ip }] : [])],
    conditions: ready ? [{ type: 'Ready', status: ready }] : [],
  },
});

test('nodes with an address and a word about their health, sorted, each for itself', () => {
  const slice = dnsSlice([
    node('b', '10.1.0.2', 'False'),
    node('a', '10.1.0.1', 'True'),
    node('c', undefined, 'True'),
    node('d', '10.1.0.4', undefined),
    node('e', '10.1.0.5', 'Unknown'),
  ]);
  expect(slice.endpoints.map((e) => [e.nodeName, e.addresses, e.conditions?.ready, e.hints?.forNodes])).toEqual([
    ['a', ['10.1.0.1'], true, [{ name: 'a' }]],
    ['b', ['10.1.0.2'], true, [{ name: 'b' }]],
    ['e', ['10.1.0.5'], false, [{ name: 'e' }]],
  ]);
  expect(slice.ports).toEqual([
    { name: 'dns', protocol: 'UDP', port: 10_053 },
    { name: 'dns-tcp', protocol: 'TCP', port: 10_053 },
  ]);
});

test('the Service has its fixed address and no selector', () => {
  expect(dnsService('10.0.0.10').spec).toMatchObject({
    clusterIP: '10.0.0.10',
    ports: [
      { port: 53, protocol: 'UDP' },
      { port: 53, protocol: 'TCP' },
    ],
  });
  expect(dnsService('10.0.0.10').spec).not.toHaveProperty('selector');
});
