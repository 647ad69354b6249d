import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/index.ts';
import { nodeRestriction } from '../admission/node-restriction.ts';
import { fakeReader } from '../fake-reader.ts';
import type { Attributes } from '../request.ts';
import type { Question } from './authorizer.ts';
import { nodeRules } from './bootstrap.ts';
import { withNodes } from './node.ts';
import { referencesOf } from './node-references.ts';
import { createRbacAuthorizer } from './rbac.ts';

const pod = (name: string, nodeName: string, spec: object): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'a' },
  spec: { nodeName, ...spec },
});
const mine = pod('mine', 'n1', {
  serviceAccountName: 'robot',
  imagePullSecrets: [{ name: 'pull' }],
  initContainers: [{ envFrom: [{ secretRef: { name: 'env-from' } }] }],
  containers: [
    { env: [{ valueFrom: { secretKeyRef: { name: 'env' } } }, { valueFrom: { configMapKeyRef: { name: 'settings' } } }, { value: 'x' }] },
  ],
  volumes: [
    { name: 'v', secret: { secretName: 'volume' } },
    {
      name: 'w',
      projected: { sources: [{ secret: { name: 'projected' } }, { configMap: { name: 'kube-root-ca.crt' } }, { serviceAccountToken: {} }] },
    },
    { name: 'x', persistentVolumeClaim: { claimName: 'claim' } },
    { name: 'y', ephemeral: {} },
    { name: 'z', emptyDir: {} },
  ],
});
const reader = fakeReader([mine, pod('other', 'n2', { containers: [], volumes: [{ name: 's', secret: { secretName: 'theirs' } }] })]);
const node = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] };

test('everything that a pod refers to', () => {
  const { secrets, configmaps, persistentvolumeclaims, serviceaccounts } = referencesOf(mine);
  expect([[...secrets].sort(), [...configmaps].sort(), [...persistentvolumeclaims].sort(), [...serviceaccounts]]).toEqual([
    ['env', 'env-from', 'projected', 'pull', 'volume'],
    ['kube-root-ca.crt', 'settings'],
    ['claim', 'mine-y'],
    ['robot'],
  ]);
});

const unrelated = "no relationship found between node 'n1' and this object";
test.each<[string, Partial<Question>, string | true]>([
  ['get secrets a/volume', {}, true],
  ['watch configmaps a/settings', {}, true],
  ['get secrets a/theirs', {}, unrelated],
  ['list secrets a/', {}, 'No Object name found'],
  ['get persistentvolumeclaims a/claim', {}, true],
  ['get persistentvolumes /x', {}, unrelated],
  ['create serviceaccounts a/robot', { subresource: 'token' }, true],
  ['create serviceaccounts a/default', { subresource: 'token' }, unrelated],
  ['get nodes /n1', {}, true],
  ['get nodes /n2', {}, "node 'n1' cannot read 'n2', only its own Node object"],
  ['list nodes /', {}, "node 'n1' cannot read all nodes, only its own Node object"],
  ['patch nodes /n1', { subresource: 'status' }, true],
  ['delete nodes /n1', {}, ''],
  ['list pods /', {}, 'can only list/watch pods with spec.nodeName field selector'],
  ['watch pods /', { fields: [{ field: 'spec.nodeName', value: 'n1' }] }, true],
  ['watch pods /', { fields: [{ field: 'spec.nodeName', value: 'n2' }] }, 'can only list/watch pods with spec.nodeName field selector'],
  ['get leases kube-node-lease/n1', { group: 'coordination.k8s.io' }, true],
  [
    'get leases kube-node-lease/n2',
    { group: 'coordination.k8s.io' },
    'can only access node lease with the same name as the requesting node',
  ],
  ['get leases a/n1', { group: 'coordination.k8s.io' }, 'can only access leases in the "kube-node-lease" system namespace'],
  ['list services /', {}, true],
  ['create subjectaccessreviews /', { group: 'authorization.k8s.io' }, true],
  ['delete services a/x', {}, ''],
])('%s %o', (text, more, answer) => {
  const [verb = '', resource = '', path = ''] = text.split(' ');
  const [namespace = '', name = ''] = path.split('/');
  const question: Question = {
    user: node,
    verb,
    resource,
    namespace,
    name,
    group: '',
    version: 'v1',
    subresource: '',
    path: '',
    isResource: true,
    ...more,
  };
  const { allowed, reason } = withNodes(createRbacAuthorizer(fakeReader([])), reader, nodeRules).authorize(question);
  expect(allowed || reason).toBe(answer);
});

describe('node restriction', () => {
  const plugin = nodeRestriction(reader);
  const write = (operation: string, kind: string, plural: string, name: string, more: object = {}) =>
    plugin.admit!({
      operation,
      kind: { group: '', kind, plural },
      subresource: '',
      namespace: 'a',
      name,
      user: node,
      object: undefined,
      ...more,
    } as unknown as Attributes);
  test('its own node, pods and tokens', async () => {
    await write('UPDATE', 'Node', 'nodes', 'n1', { subresource: 'status', object: { metadata: {} } });
    await write('DELETE', 'Pod', 'pods', 'mine');
    await write('UPDATE', 'Pod', 'pods', 'mine', { subresource: 'status', oldObject: mine });
    await write('CREATE', 'ServiceAccount', 'serviceaccounts', 'robot', {
      subresource: 'token',
      object: { spec: { boundObjectRef: { kind: 'Pod', name: 'mine' } } },
    });
  });
  test.each<[string, Parameters<typeof write>, string]>([
    ['another node', ['UPDATE', 'Node', 'nodes', 'n2'], 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"'],
    [
      'its taints',
      [
        'UPDATE',
        'Node',
        'nodes',
        'n1',
        { object: { metadata: {}, spec: {} }, oldObject: { metadata: {}, spec: { taints: [{ key: 'k' }] } } },
      ],
      'node "n1" is not allowed to modify taints',
    ],
    [
      'a pod of another node',
      ['DELETE', 'Pod', 'pods', 'other'],
      'pods "other" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself',
    ],
    ['a new pod', ['CREATE', 'Pod', 'pods', 'new', { object: { metadata: {} } }], 'can only create mirror pods'],
    [
      'a token without a pod',
      ['CREATE', 'ServiceAccount', 'serviceaccounts', 'robot', { subresource: 'token', object: { spec: {} } }],
      'node requested token not bound to a pod',
    ],
    [
      'another lease',
      ['UPDATE', 'Lease', 'leases', 'n2', { kind: { group: 'coordination.k8s.io', kind: 'Lease', plural: 'leases' } }],
      'can only access node lease with the same name as the requesting node',
    ],
  ])('not %s', async (_, call, message) => {
    await expect(write(...call)).rejects.toThrow(message);
  });
});
