// Services: defaults, checks, what updates keep and drop.
import { expect, test } from 'vitest';
import type { KubeObject } from '../../../meta/index.ts';
import { service } from './service.ts';

type Spec = Record<string, any>;

function made(spec: Spec): KubeObject {
  const object = { apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'n' }, spec: structuredClone(spec) };
  service.defaults!(object);
  service.prepareForCreate!(object);
  return object;
}

test('defaults', () => {
  expect(made({ ports: [{ port: 80 }] })).toMatchObject({
    spec: {
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ports: [{ port: 80, targetPort: 80, protocol: 'TCP' }],
    },
    status: { loadBalancer: {} },
  });
  expect(made({ type: 'NodePort', sessionAffinity: 'ClientIP', ports: [{ port: 1 }] })['spec']).toMatchObject({
    externalTrafficPolicy: 'Cluster',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
  });
});

test.each<[Spec, string[]]>([
  [{ ports: [{ port: 80 }] }, []],
  [{}, ['spec.ports: Required value']],
  [{ clusterIP: 'None' }, []],
  [{ ports: [{ port: 1 }, { port: 2, name: 'b' }] }, ['spec.ports[0].name: Required value']],
  [
    { ports: [{ port: 0 }] },
    [
      'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      'spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive',
    ],
  ],
  [{ type: 'ExternalName' }, ['spec.externalName: Required value']],
  [
    { type: 'Foo', ports: [{ port: 1 }] },
    ['spec.type: Unsupported value: "Foo": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'],
  ],
  [{ ports: [{ port: 1, nodePort: 30000 }] }, ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"]],
  [
    { ports: [{ port: 1 }], clusterIP: 'x' },
    ['spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
  ],
  [
    { ports: [{ port: 1 }], externalIPs: ['127.0.0.1'] },
    ['spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
  ],
])('checks %#', (spec, expected) => {
  expect(service.validate!(made(spec)).map(({ field, message }) => `${field}: ${message}`)).toEqual(expected);
});

const allocated = {
  type: 'NodePort',
  clusterIP: '10.0.0.5',
  clusterIPs: ['10.0.0.5'],
  ipFamilies: ['IPv4'],
  ports: [{ port: 80, nodePort: 30001 }],
};

function updated(spec: Spec): Spec {
  const old = made(allocated);
  const object = made(spec);
  service.prepareForUpdate!(object, old);
  return object['spec'];
}

test('what was allocated stays', () => {
  expect(updated({ type: 'NodePort', ports: [{ port: 81 }] })).toMatchObject({
    clusterIP: '10.0.0.5',
    clusterIPs: ['10.0.0.5'],
    ports: [{ port: 81, nodePort: 30001 }],
  });
});

test('what a new type has no use for goes', () => {
  const plain = updated({ ...allocated, type: 'ClusterIP' });
  expect(plain['ports'][0].nodePort).toBeUndefined();
  const name = updated({ ...allocated, type: 'ExternalName', externalName: 'x.y' });
  expect([name['clusterIP'], name['clusterIPs'], name['ipFamilies']]).toEqual([undefined, undefined, undefined]);
});

test('addresses do not change', () => {
  const now = made({ ...allocated, clusterIP: '10.0.0.6', clusterIPs: ['10.0.0.6'] });
  expect(service.validateUpdate!(now, made(allocated)).map(({ field, message }) => `${field}: ${message}`)).toEqual([
    'spec.clusterIPs[0]: Invalid value: ["10.0.0.6"]: may not change once set',
  ]);
});

test('columns', () => {
  const cells = (spec: Spec) => service.columns!.slice(1, 5).map((column) => column.of(made(spec), 0));
  expect(cells(allocated)).toEqual(['NodePort', '10.0.0.5', '<none>', '80:30001/TCP']);
  expect(cells({ type: 'LoadBalancer', ports: [{ port: 1 }] })).toEqual(['LoadBalancer', '<none>', '<pending>', '1/TCP']);
  expect(cells({ type: 'ExternalName', externalName: 'x.y' })).toEqual(['ExternalName', '<none>', 'x.y', '<none>']);
});
