import { expect, test } from 'vitest';
import type { PodSpec } from '../../api/gen/types/core.v1.ts';
import { resolvConf } from './resolv-conf.ts';

const NODE =
  '# made by hand\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch corp.example. . lab.example\noptions timeout:2\noptions attempts:3\n';
const of = (spec: Partial<PodSpec>, node = NODE) =>
  resolvConf(
    { metadata: { namespace: 'n' }, spec: { containers: [], ...spec } },
    { clusterDNS: '10.0.0.10', clusterDomain: 'cluster.local' },
    node,
  );
const CLUSTER =
  'search n.svc.cluster.local svc.cluster.local cluster.local corp.example lab.example\nnameserver 10.0.0.10\noptions ndots:5\n';
const OWN = 'search corp.example lab.example\nnameserver 192.0.2.1\nnameserver 192.0.2.2\noptions timeout:2 attempts:3\n';

test.each<[string, Partial<PodSpec>, string]>([
  ['no policy', {}, CLUSTER],
  ['ClusterFirst', { dnsPolicy: 'ClusterFirst' }, CLUSTER],
  ["ClusterFirst in the node's network", { dnsPolicy: 'ClusterFirst', hostNetwork: true }, OWN],
  ['ClusterFirstWithHostNet', { dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true }, CLUSTER],
  ['Default', { dnsPolicy: 'Default' }, OWN],
  ['None', { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'], searches: ['a'] } }, 'search a\nnameserver 1.1.1.1\n'],
  ['None and nothing', { dnsPolicy: 'None' }, ''],
  [
    'settings of its own',
    {
      dnsPolicy: 'Default',
      dnsConfig: {
        nameservers: ['192.0.2.2', '192.0.2.3'],
        searches: ['lab.example', 'own.example'],
        options: [{ name: 'timeout', value: '9' }, { name: 'edns0' }, { name: 'rotate', value: '' }],
      },
    },
    'search corp.example lab.example own.example\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\noptions attempts:3 timeout:9 edns0 rotate\n',
  ],
])('%s', (_, spec, text) => expect(of(spec)).toEqual({ text, problems: [] }));

test('more than three servers', () => {
  const { text, problems } = of({ dnsPolicy: 'Default', dnsConfig: { nameservers: ['192.0.2.3', '192.0.2.4'] } });
  expect(text.match(/nameserver/g)).toHaveLength(3);
  expect(problems).toEqual([
    'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 192.0.2.1 192.0.2.2 192.0.2.3',
  ]);
});

test.each<[string, string[], number]>([
  ['32 of them', Array.from({ length: 32 }, (_, i) => `s${i}`), 32],
  ['33 of them', Array.from({ length: 33 }, (_, i) => `s${i}`), 32],
  ['one that is too long', ['a', 'b'.repeat(254), 'c'], 2],
  ['2048 characters', Array.from({ length: 16 }, (_, i) => `${i}`.padEnd(i === 0 ? 128 : 127, 'x')), 16],
  ['2049 characters', Array.from({ length: 16 }, (_, i) => `${i}`.padEnd(i < 2 ? 128 : 127, 'x')), 15],
])('search paths: %s', (_, searches, kept) => {
  const { text, problems } = of({ dnsPolicy: 'None', dnsConfig: { searches } });
  expect(text.trim().split(' ').slice(1)).toHaveLength(kept);
  expect(problems).toHaveLength(kept === searches.length ? 0 : 1);
});
