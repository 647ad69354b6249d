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
  metadata: { name, namespace: 'a', uid: `uid-${name}` },
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
const folder: KubeObject = {
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: 'folder', labels: { 'wherry.io/local-path-node': 'n1' } },
};
const reader = fakeReader([
  folder,
  mine,
  pod('other', 'n2', { containers: [], volumes: [{ name: 's', secret: { secretName: 'theirs' } }] }),
]);
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
  ['watch persistentvolumeclaims a/claim', {}, true],
  ['watch persistentvolumeclaims a/theirs', {}, unrelated],
  ['list persistentvolumeclaims a/', {}, 'No Object name found'],
  ['delete persistentvolumeclaims a/claim', {}, 'can only get individual resources of this type'],
  ['get persistentvolumes /x', {}, unrelated],
  ['watch persistentvolumes /folder', {}, true],
  ['patch persistentvolumes /folder', {}, true],
  ['patch persistentvolumes /folder', { subresource: 'status' }, 'can only get individual resources of this type'],
  ['delete persistentvolumes /folder', {}, 'can only get individual resources of this type'],
  ['watch persistentvolumes /', {}, 'can only get individual resources of this type'],
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

// CN=system:node:n1, O=system:nodes
const CSR = `-----BEGIN CERTIFICATE REQUEST-----
MIHrMIGSAgEAMDAxFTATBgNVBAoMDHN5c3RlbTpub2RlczEXMBUGA1UEAwwOc3lz
dGVtOm5vZGU6bjEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAReH5IIK2dq6jPD
bMglxrEg5T5gXhl3zMT0G5Z5jNLoaKDbamZ5qrJ8UWZeUvT38CSaV2yGB0L21eAl
4BuKQe15oAAwCgYIKoZIzj0EAwIDSAAwRQIgfM6K93gziFng84ZnkByPX5JHRLwp
M+pkobtH3feIK1gCIQD/slnsA810rt7mRpJ8DaCW2R7XtP+L48svvkHrn6mOsw==
-----END CERTIFICATE REQUEST-----`;

describe('node restriction', () => {
  const own: KubeObject = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', uid: 'node-uid' } };
  const plugin = nodeRestriction(
    fakeReader([own, mine, pod('other', 'n2', { containers: [], volumes: [{ name: 's', secret: { secretName: 'theirs' } }] })]),
    { authorize: () => ({ allowed: true, reason: '' }), rulesFor: () => [] },
  );
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
  const lease = { kind: { group: 'coordination.k8s.io', kind: 'Lease', plural: 'leases' }, namespace: 'kube-node-lease' };
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'node-uid', controller: true };
  const mirror = (metadata: object = {}, spec: object = {}) => ({
    object: {
      metadata: { name: 'm', annotations: { 'kubernetes.io/config.mirror': 'x' }, ownerReferences: [owner], ...metadata },
      spec: { nodeName: 'n1', containers: [], ...spec },
    },
  });
  const token = (ref: object) => ({
    subresource: 'token',
    object: { spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', ...ref } } },
  });
  const labels = (now: object, before: object = {}) => ({
    object: { metadata: { labels: now } },
    oldObject: { metadata: { labels: before } },
  });
  const csr = (signerName: string, more: object = {}) => ({
    ...more,
    kind: { group: 'certificates.k8s.io', kind: 'CertificateSigningRequest', plural: 'certificatesigningrequests' },
    object: { metadata: {}, spec: { signerName, request: Buffer.from(CSR).toString('base64') } },
  });

  test('its own node, pods, tokens, lease, certificates', async () => {
    await write('UPDATE', 'Node', 'nodes', 'n1', { subresource: 'status', object: { metadata: {} } });
    await write('CREATE', 'Node', 'nodes', 'n1', labels({ 'kubernetes.io/os': 'linux', 'node.kubernetes.io/x': 'y', zone: 'a' }));
    await write('DELETE', 'Pod', 'pods', 'mine');
    await write('CREATE', 'Pod', 'pods', 'm', mirror());
    await write('UPDATE', 'Pod', 'pods', 'mine', { subresource: 'status', oldObject: mine, object: mine });
    await write('CREATE', 'Pod', 'pods', 'mine', { subresource: 'eviction', object: { metadata: { name: 'mine' } } });
    await write('CREATE', 'ServiceAccount', 'serviceaccounts', 'robot', token({ name: 'mine', uid: 'uid-mine' }));
    await write('CREATE', 'Lease', 'leases', '', { ...lease, object: { metadata: { name: 'n1' } } });
    await write('CREATE', '', '', '', csr('kubernetes.io/kubelet-serving'));
    await write('CREATE', '', '', '', csr('example.com/other', { user: { ...node, name: 'system:node:n2' } }));
    const held = { metadata: { name: 'folder', finalizers: ['a', 'wherry.io/local-path'] }, spec: {} };
    await write('UPDATE', 'PersistentVolume', 'persistentvolumes', 'folder', {
      oldObject: held,
      object: { metadata: { name: 'folder', finalizers: ['a'] }, spec: {} },
    });
    const claim = { metadata: { name: 'c', resourceVersion: '1' }, spec: {}, status: { phase: 'Bound' } };
    const grown = { ...claim, metadata: { name: 'c' }, status: { phase: 'Bound', capacity: { storage: '2Gi' } } };
    await write('UPDATE', 'PersistentVolumeClaim', 'persistentvolumeclaims', 'c', {
      subresource: 'status',
      oldObject: claim,
      object: grown,
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
      'labels that choose workloads',
      ['CREATE', 'Node', 'nodes', 'n1', labels({ 'node-restriction.kubernetes.io/a': '1', 'node-role.kubernetes.io/control-plane': '' })],
      'is not allowed to set the following labels: node-restriction.kubernetes.io/a, node-role.kubernetes.io/control-plane',
    ],
    [
      'removing such a label',
      ['UPDATE', 'Node', 'nodes', 'n1', labels({}, { 'a.k8s.io/b': 'c' })],
      'is not allowed to modify labels: a.k8s.io/b',
    ],
    [
      'a pod of another node',
      ['DELETE', 'Pod', 'pods', 'other'],
      'pods "other" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself',
    ],
    ['a pod that is gone', ['DELETE', 'Pod', 'pods', 'gone'], 'pods "gone" not found'],
    [
      'more of a volume than its own finalizer',
      [
        'UPDATE',
        'PersistentVolume',
        'persistentvolumes',
        'folder',
        { oldObject: { metadata: { finalizers: ['a'] } }, object: { metadata: {} } },
      ],
      'node "n1" is not allowed to change volumes but for the finalizer wherry.io/local-path',
    ],
    ['changing a pod', ['UPDATE', 'Pod', 'pods', 'mine', { object: mine, oldObject: mine }], 'can only create and delete mirror pods'],
    [
      'evicting another',
      ['CREATE', 'Pod', 'pods', 'other', { subresource: 'eviction', object: { metadata: {} } }],
      'can only evict pods with spec.nodeName set to itself',
    ],
    [
      'labels by way of the status',
      ['UPDATE', 'Pod', 'pods', 'mine', { subresource: 'status', oldObject: mine, object: { ...mine, metadata: { labels: { a: 'b' } } } }],
      'node "n1" cannot update labels through pod status',
    ],
    ['a new pod', ['CREATE', 'Pod', 'pods', 'new', { object: { metadata: {} } }], 'can only create mirror pods'],
    [
      'a mirror elsewhere',
      ['CREATE', 'Pod', 'pods', 'm', mirror({}, { nodeName: 'n2' })],
      'can only create pods with spec.nodeName set to itself',
    ],
    ['a mirror of nobody', ['CREATE', 'Pod', 'pods', 'm', mirror({ ownerReferences: [] })], 'with an owner reference set to itself'],
    [
      'a mirror of a former node',
      ['CREATE', 'Pod', 'pods', 'm', mirror({ ownerReferences: [{ ...owner, uid: 'old' }] })],
      'node n1 UID mismatch: expected old got node-uid',
    ],
    [
      'a mirror that reads secrets',
      ['CREATE', 'Pod', 'pods', 'm', mirror({}, { volumes: [{ name: 's', secret: { secretName: 's' } }] })],
      'can not create pods that reference secrets',
    ],
    ['a mirror with an account', ['CREATE', 'Pod', 'pods', 'm', mirror({}, { serviceAccountName: 'x' })], 'reference serviceaccounts'],
    [
      'a token without a pod',
      ['CREATE', 'ServiceAccount', 'serviceaccounts', 'robot', { subresource: 'token', object: { spec: {} } }],
      'node requested token not bound to a pod',
    ],
    [
      'a token for any pod of a name',
      ['CREATE', 'ServiceAccount', 'serviceaccounts', 'robot', token({ name: 'mine' })],
      'node requested token with a pod binding without a uid',
    ],
    [
      'a token for a former pod',
      ['CREATE', 'ServiceAccount', 'serviceaccounts', 'robot', token({ name: 'mine', uid: 'old' })],
      'does not match the UID in record',
    ],
    [
      'a token for a pod elsewhere',
      ['CREATE', 'ServiceAccount', 'serviceaccounts', 'robot', token({ name: 'other', uid: 'uid-other' })],
      'node requested token bound to a pod scheduled on a different node',
    ],
    [
      'its owners',
      ['UPDATE', 'Node', 'nodes', 'n1', { object: { metadata: { ownerReferences: [owner] } }, oldObject: { metadata: {} } }],
      'node "n1" is not allowed to modify ownerReferences',
    ],
    [
      'a mirror with a token',
      ['CREATE', 'Pod', 'pods', 'm', mirror({}, { volumes: [{ name: 't', projected: { sources: [{ serviceAccountToken: {} }] } }] })],
      'can not create pods that reference serviceaccounts (via projected volumes)',
    ],
    [
      'what a claim asks for',
      ['UPDATE', 'PersistentVolumeClaim', 'persistentvolumeclaims', 'c', { object: { metadata: {} } }],
      'may only update PVC status',
    ],
    ['another lease', ['UPDATE', 'Lease', 'leases', 'n2', lease], 'can only access node lease with the same name as the requesting node'],
    [
      'a new lease of another name',
      ['CREATE', 'Lease', 'leases', '', { ...lease, object: { metadata: { name: 'n2' } } }],
      'can only access node lease with the same name as the requesting node',
    ],
    [
      'a lease elsewhere',
      ['UPDATE', 'Lease', 'leases', 'n1', { ...lease, namespace: 'a' }],
      'can only access leases in the "kube-node-lease" system namespace',
    ],
    [
      'a certificate for another node',
      ['CREATE', '', '', '', csr('kubernetes.io/kubelet-serving', { user: { ...node, name: 'system:node:n2' } })],
      'can only create a node CSR with CN=system:node:n2',
    ],
  ])('not %s', async (_, call, message) => {
    await expect(write(...call)).rejects.toThrow(message);
  });
});
