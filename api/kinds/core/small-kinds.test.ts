// The smaller kinds of the core group: defaults, checks, what may not change, columns.
import { expect, test } from 'vitest';
import type { KubeObject } from '../../meta/index.ts';
import type { Behaviour } from '../kind.ts';
import { core } from './index.ts';

type Fields = Record<string, any>;

const behaviour = (kind: string): Behaviour => core[kind]!;

function made(kind: string, fields: Fields): KubeObject {
  const object: KubeObject = {
    apiVersion: 'v1',
    kind,
    ...structuredClone(fields),
    metadata: { name: 'x', namespace: 'n', creationTimestamp: '2020-01-01T00:00:00Z', ...fields['metadata'] },
  };
  behaviour(kind).defaults?.(object);
  behaviour(kind).prepareForCreate?.(object);
  return object;
}

test.each<[string, Fields, Fields]>([
  ['Secret', { data: { a: 'YQ==' }, stringData: { a: 'b', c: 'd' } }, { type: 'Opaque', data: { a: 'Yg==', c: 'ZA==' } }],
  [
    'Namespace',
    {},
    { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' }, metadata: { labels: { 'kubernetes.io/metadata.name': 'x' } } },
  ],
  [
    'Node',
    { spec: { podCIDR: '10.0.0.0/24' }, status: { capacity: { cpu: '2' } } },
    { spec: { podCIDRs: ['10.0.0.0/24'] }, status: { allocatable: { cpu: '2' } } },
  ],
  [
    'PersistentVolume',
    { spec: { hostPath: { path: '/x' } } },
    { spec: { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem', hostPath: { type: '' } }, status: { phase: 'Pending' } },
  ],
  [
    'PersistentVolumeClaim',
    { spec: { dataSource: { kind: 'PersistentVolumeClaim', name: 'b' } } },
    { spec: { volumeMode: 'Filesystem', dataSourceRef: { kind: 'PersistentVolumeClaim', name: 'b' } }, status: { phase: 'Pending' } },
  ],
  [
    'ReplicationController',
    { spec: { template: { metadata: { labels: { a: 'b' } } } } },
    { spec: { replicas: 1, selector: { a: 'b' } }, metadata: { labels: { a: 'b' } } },
  ],
  [
    'LimitRange',
    { spec: { limits: [{ type: 'Container', max: { cpu: '2' }, min: { memory: '1Mi' } }] } },
    { spec: { limits: [{ default: { cpu: '2' }, defaultRequest: { cpu: '2', memory: '1Mi' } }] } },
  ],
  ['Endpoints', { subsets: [{ ports: [{ port: 1 }] }] }, { subsets: [{ ports: [{ port: 1, protocol: 'TCP' }] }] }],
  ['ResourceQuota', { spec: { hard: { cpu: '0.0001' } } }, { spec: { hard: { cpu: '1m' } } }],
])('defaults of a %s', (kind, fields, expected) => {
  expect(made(kind, fields)).toMatchObject(expected);
});

test.each<[string, Fields, string[]]>([
  [
    'ConfigMap',
    { data: { 'a b': 'x' } },
    [
      "data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
    ],
  ],
  ['ConfigMap', { data: { a: 'x' }, binaryData: { a: 'YQ==' } }, ['data[a]: Invalid value: "a": duplicate of key present in binaryData']],
  ['ConfigMap', { data: { a: 'x'.repeat(1024 * 1024 + 1) } }, [': Too long: may not be more than 1048576 bytes']],
  ['Secret', { type: 'kubernetes.io/tls' }, ['data[tls.crt]: Required value', 'data[tls.key]: Required value']],
  ['Secret', { type: 'kubernetes.io/basic-auth', data: { username: '' } }, []],
  [
    'Node',
    { spec: { taints: [{ key: 'a', effect: 'Foo' }] } },
    ['metadata.taints[0].effect: Unsupported value: "Foo": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"'],
  ],
  ['Endpoints', { subsets: [{}] }, ['subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`']],
  [
    'LimitRange',
    { spec: { limits: [{ type: 'Pod', default: { cpu: '1' } }] } },
    ["spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"],
  ],
  [
    'LimitRange',
    {
      spec: { limits: [{ type: 'Container', min: { cpu: '2' }, max: { cpu: '1' }, default: { cpu: '1' }, defaultRequest: { cpu: '1' } }] },
    },
    [
      'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
      'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1',
      'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1',
    ],
  ],
  ['ResourceQuota', { spec: { hard: { pods: '1.5' } } }, ['spec.hard[pods]: Invalid value: "1500m": must be an integer']],
  [
    'ResourceQuota',
    { spec: { hard: { cpu: '1' }, scopes: ['BestEffort'] } },
    ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'],
  ],
  [
    'PersistentVolumeClaim',
    { spec: {} },
    ['spec.accessModes: Required value: at least 1 access mode is required', 'spec.resources[storage]: Required value'],
  ],
  [
    'PersistentVolume',
    { spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] } },
    ['spec: Required value: must specify a volume type'],
  ],
  [
    'Event',
    { involvedObject: { namespace: 'other' } },
    ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
  ],
])('checks of a %s %#', (kind, fields, expected) => {
  const object = made(kind, fields);
  if (kind === 'ResourceQuota' && fields['spec'].hard.pods) object['spec'].hard.pods = '1500m';
  expect(behaviour(kind).validate!(object).map(({ field, message }) => `${field}: ${message}`)).toEqual(expected);
});

test('what is immutable stays', () => {
  const changed = (kind: string, old: Fields, now: Fields): string[] => {
    const before = made(kind, old);
    const object = made(kind, now);
    return [...behaviour(kind).validate!(object, before), ...(behaviour(kind).validateUpdate?.(object, before) ?? [])].map(
      ({ field }) => field,
    );
  };
  expect(changed('ConfigMap', { immutable: true, data: { a: '1' } }, { immutable: true, data: { a: '2' } })).toEqual(['data']);
  expect(changed('ConfigMap', { immutable: true }, {})).toEqual(['immutable']);
  expect(changed('Secret', { type: 'a' }, { type: 'b' })).toEqual(['type']);
  const claim = { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } };
  expect(changed('PersistentVolumeClaim', claim, { spec: { ...claim.spec, volumeName: 'v' } })).toEqual([]);
  expect(changed('PersistentVolumeClaim', claim, { spec: { ...claim.spec, accessModes: ['ReadWriteMany'] } })).toEqual(['spec']);
});

test.each<[string, Fields, unknown[]]>([
  [
    'Node',
    {
      metadata: { labels: { 'node-role.kubernetes.io/b': '', 'kubernetes.io/role': 'a' } },
      spec: { unschedulable: true },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    },
    ['x', 'Ready,SchedulingDisabled', 'a,b'],
  ],
  ['Namespace', {}, ['x', 'Active', '<age>']],
  ['Secret', { data: { a: '', b: '' } }, ['x', 'Opaque', 2]],
  [
    'PersistentVolume',
    { spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteMany', 'ReadWriteOnce'] } },
    ['x', '1Gi', 'RWO,RWX', 'Retain', 'Pending', ''],
  ],
  ['PersistentVolumeClaim', {}, ['x', 'Pending', '', '', '', '', '<unset>']],
  [
    'Endpoints',
    { subsets: [{ addresses: [{ ip: '1.1.1.1' }, { ip: '1.1.1.2' }], ports: [{ port: 1 }, { port: 2 }] }] },
    ['x', '1.1.1.1:1,1.1.1.2:1,1.1.1.1:2 + 1 more...'],
  ],
  ['Event', { type: 'Normal', reason: 'R', involvedObject: { kind: 'Pod', name: 'p' } }, ['<unknown>', 'Normal', 'R', 'pod/p']],
  ['ReplicationController', { spec: { replicas: 2 } }, ['x', 2, 0, 0]],
])('columns of a %s', (kind, fields, expected) => {
  const cells = behaviour(kind).columns!.map((column) => (column.name === 'Age' ? '<age>' : column.of(made(kind, fields), 0)));
  expect(cells.slice(0, expected.length)).toEqual(expected);
});

test.each([
  [[{ type: 'Healthy', status: 'True', message: 'ok' }], ['Healthy', 'ok', '']],
  [[{ type: 'Healthy', status: 'False', message: '', error: 'no answer' }], ['Unhealthy', '', 'no answer']],
  [undefined, ['Unknown', '', '']],
])('a component with %j is shown as %j', (conditions, cells) => {
  const object = { apiVersion: 'v1', kind: 'ComponentStatus', metadata: { name: 'etcd-0' }, ...(conditions ? { conditions } : {}) };
  expect(core['ComponentStatus']!.columns!.slice(1).map((column) => column.of(object, 0))).toEqual(cells);
});
