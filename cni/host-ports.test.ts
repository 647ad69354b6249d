import { expect, test } from 'vitest';
import { hostPortRules } from './host-ports.ts';

test('a host port leads to the pod, from everywhere', () => {
  expect(hostPortRules([{ protocol: 'TCP', hostPort: 8080, podIP: '10.244.1.2', containerPort: 80 }])).toEqual([
    '-A WHERRY-HOSTPORTS -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.244.1.2:80',
    '-A WHERRY-HOSTPORTS-MASQ -s 10.244.1.2 -d 10.244.1.2 -p tcp -m tcp --dport 80 -j MASQUERADE',
    '-A WHERRY-HOSTPORTS-MASQ -s 127.0.0.0/8 -d 10.244.1.2 -p tcp -m tcp --dport 80 -j MASQUERADE',
  ]);
});

test('an address of the host restricts it, 0.0.0.0 does not', () => {
  const port = { protocol: 'UDP', hostPort: 53, podIP: '10.244.1.2', containerPort: 5353 } as const;
  expect(hostPortRules([{ ...port, hostIp: '192.0.2.7' }])[0]).toBe(
    '-A WHERRY-HOSTPORTS -d 192.0.2.7/32 -p udp -m udp --dport 53 -j DNAT --to-destination 10.244.1.2:5353',
  );
  expect(hostPortRules([{ ...port, hostIp: '0.0.0.0' }])[0]).toBe(
    '-A WHERRY-HOSTPORTS -p udp -m udp --dport 53 -j DNAT --to-destination 10.244.1.2:5353',
  );
});

test('two ports of the node to one of the pod share what masquerades', () => {
  const port = { protocol: 'TCP', podIP: '10.244.1.2', containerPort: 80 } as const;
  expect(
    hostPortRules([
      { ...port, hostPort: 80 },
      { ...port, hostPort: 81 },
    ]),
  ).toHaveLength(4);
});
