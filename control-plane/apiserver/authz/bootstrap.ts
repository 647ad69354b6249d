// The roles and bindings that every cluster has from the start, as data.
import type { KubeObject } from '../../../api/meta/index.ts';
import type { PolicyRule } from './authorizer.ts';
import { controllerObjects } from './bootstrap-controllers.ts';
import { API_GROUP, account, binding, events, group, object, on, READ, urls, user, WRITE } from './bootstrap-forms.ts';

const AGGREGATE = 'rbac.authorization.k8s.io/aggregate-to-';
const ALL = `${WRITE} ${READ}`;

const HEALTH = ['/healthz', '/livez', '/readyz', '/version', '/version/'];
const APPS = 'daemonsets deployments deployments/scale replicasets replicasets/scale';

const viewRules: PolicyRule[] = [
  on(
    READ,
    '',
    'configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status',
  ),
  on(
    READ,
    '',
    'bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status',
  ),
  on(READ, '', 'namespaces'),
  on(READ, 'discovery.k8s.io', 'endpointslices'),
  on(
    READ,
    'apps',
    `controllerrevisions ${APPS} daemonsets/status deployments/status replicasets/status statefulsets statefulsets/scale statefulsets/status`,
  ),
  on(READ, 'autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status'),
  on(READ, 'batch', 'cronjobs cronjobs/status jobs jobs/status'),
  on(READ, 'extensions', `${APPS} ingresses networkpolicies`),
  on(READ, 'policy', 'poddisruptionbudgets poddisruptionbudgets/status'),
  on(READ, 'networking.k8s.io', 'ingresses ingresses/status networkpolicies'),
  on(READ, 'resource.k8s.io', 'resourceclaims resourceclaims/status resourceclaimtemplates'),
];
const editRules: PolicyRule[] = [
  on(READ, '', 'pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy'),
  on('impersonate', '', 'serviceaccounts'),
  on(WRITE, '', 'pods pods/attach pods/exec pods/portforward pods/proxy'),
  on('create', '', 'pods/eviction'),
  on(
    WRITE,
    '',
    'configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy',
  ),
  on('create', '', 'serviceaccounts/token'),
  on(WRITE, 'apps', `${APPS} deployments/rollback statefulsets statefulsets/scale`),
  on(WRITE, 'autoscaling', 'horizontalpodautoscalers'),
  on(WRITE, 'batch', 'cronjobs jobs'),
  on(WRITE, 'extensions', `${APPS} deployments/rollback ingresses networkpolicies`),
  on(WRITE, 'policy', 'poddisruptionbudgets'),
  on(WRITE, 'networking.k8s.io', 'ingresses networkpolicies'),
  on(ALL, 'coordination.k8s.io', 'leases'),
  on(WRITE, 'resource.k8s.io', 'resourceclaims resourceclaimtemplates'),
];
const adminRules: PolicyRule[] = [
  on('create', 'authorization.k8s.io', 'localsubjectaccessreviews'),
  on(ALL, API_GROUP, 'rolebindings roles'),
];

/** What every agent may do; the node authorizer decides about the objects that it knows to belong to a node. */
export const nodeRules: PolicyRule[] = [
  on('create', 'authentication.k8s.io', 'tokenreviews'),
  on('create', 'authorization.k8s.io', 'localsubjectaccessreviews subjectaccessreviews'),
  on(READ, '', 'services'),
  on('create get list patch update watch', '', 'nodes'),
  on('patch update', '', 'nodes/status'),
  events,
  on(READ, '', 'namespaces pods'),
  on('create delete', '', 'pods'),
  on('patch update', '', 'pods/status'),
  on('create', '', 'pods/eviction'),
  on(READ, '', 'configmaps secrets'),
  on(READ, '', 'persistentvolumeclaims persistentvolumes'),
  on('get patch update', '', 'persistentvolumeclaims/status'),
  on(READ, '', 'endpoints'),
  on('create get list watch', 'certificates.k8s.io', 'certificatesigningrequests'),
  on('create delete get list patch update watch', 'coordination.k8s.io', 'leases'),
  on(READ, 'storage.k8s.io', 'volumeattachments'),
  on('create', '', 'serviceaccounts/token'),
  on('get list watch', '', 'serviceaccounts'),
  on(READ, 'storage.k8s.io', 'csidrivers'),
  on('create delete get patch update', 'storage.k8s.io', 'csinodes'),
  on(READ, 'node.k8s.io', 'runtimeclasses'),
  on(READ, 'discovery.k8s.io', 'endpointslices'),
  on(READ, 'networking.k8s.io', 'networkpolicies servicecidrs'),
  on(READ, 'resource.k8s.io', 'resourceclaims'),
];

const clusterRoleData: Record<string, PolicyRule[]> = {
  'cluster-admin': [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ],
  'system:discovery': [
    urls('/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/openapi', '/openapi/*', '/readyz', '/version', '/version/'),
  ],
  'system:basic-user': [
    on('create', 'authorization.k8s.io', 'selfsubjectaccessreviews selfsubjectrulesreviews'),
    on('create', 'authentication.k8s.io', 'selfsubjectreviews'),
  ],
  'system:public-info-viewer': [urls(...HEALTH)],
  'system:service-account-issuer-discovery': [
    urls('/.well-known/openid-configuration', '/.well-known/openid-configuration/', '/openid/v1/jwks', '/openid/v1/jwks/'),
  ],
  'system:monitoring': [urls('/healthz', '/healthz/*', '/livez', '/livez/*', '/metrics', '/metrics/slis', '/readyz', '/readyz/*')],
  'system:auth-delegator': [
    on('create', 'authentication.k8s.io', 'tokenreviews'),
    on('create', 'authorization.k8s.io', 'subjectaccessreviews'),
  ],
  'system:node': nodeRules,
  'system:node-problem-detector': [on('get', '', 'nodes'), on('patch', '', 'nodes/status'), events],
  'system:node-proxier': [
    on('list watch', '', 'endpoints services'),
    on('get list watch', '', 'nodes'),
    on('list watch', 'discovery.k8s.io', 'endpointslices'),
    on('list watch', 'networking.k8s.io', 'servicecidrs'),
    events,
  ],
  'system:node-bootstrapper': [on('create get list watch', 'certificates.k8s.io', 'certificatesigningrequests')],
  'system:kubelet-api-admin': [
    on('get list watch', '', 'nodes'),
    on('proxy', '', 'nodes'),
    on('*', '', 'nodes/checkpoint nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/stats'),
  ],
  'system:kube-dns': [on('list watch', '', 'endpoints services'), on('list watch', 'discovery.k8s.io', 'endpointslices')],
  'system:heapster': [on(READ, '', 'events namespaces nodes pods'), on(READ, 'extensions', 'deployments')],
  'system:persistent-volume-provisioner': [
    on('create delete get list watch', '', 'persistentvolumes'),
    on('get list update watch', '', 'persistentvolumeclaims'),
    on(READ, 'storage.k8s.io', 'storageclasses'),
    on('watch', '', 'events'),
    events,
  ],
  'system:certificates.k8s.io:certificatesigningrequests:nodeclient': [
    on('create', 'certificates.k8s.io', 'certificatesigningrequests/nodeclient'),
  ],
  'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient': [
    on('create', 'certificates.k8s.io', 'certificatesigningrequests/selfnodeclient'),
  ],
  'system:certificates.k8s.io:kube-apiserver-client-approver': [
    on('approve', 'certificates.k8s.io', 'signers', 'kubernetes.io/kube-apiserver-client'),
  ],
  'system:certificates.k8s.io:kube-apiserver-client-kubelet-approver': [
    on('approve', 'certificates.k8s.io', 'signers', 'kubernetes.io/kube-apiserver-client-kubelet'),
  ],
  'system:certificates.k8s.io:kubelet-serving-approver': [on('approve', 'certificates.k8s.io', 'signers', 'kubernetes.io/kubelet-serving')],
  'system:certificates.k8s.io:legacy-unknown-approver': [on('approve', 'certificates.k8s.io', 'signers', 'kubernetes.io/legacy-unknown')],
  'system:volume-scheduler': [
    on('get list patch update watch', '', 'persistentvolumes'),
    on(READ, 'storage.k8s.io', 'storageclasses'),
    on('get list patch update watch', '', 'persistentvolumeclaims'),
  ],
  'system:kube-scheduler': [
    events,
    on('create', 'coordination.k8s.io', 'leases'),
    on('get list watch', '', 'namespaces nodes pods replicationcontrollers services'),
    on('delete', '', 'pods'),
    on('create', '', 'bindings pods/binding'),
    on('patch update', '', 'pods/status'),
    on(READ, 'apps', 'replicasets statefulsets'),
    on(READ, 'policy', 'poddisruptionbudgets'),
    on(READ, '', 'persistentvolumeclaims persistentvolumes'),
    on(READ, 'storage.k8s.io', 'csidrivers csinodes csistoragecapacities volumeattachments'),
  ],
  'system:kube-controller-manager': [
    events,
    on('create', 'coordination.k8s.io', 'leases'),
    on('create', '', 'secrets serviceaccounts serviceaccounts/token'),
    on('delete get update', '', 'secrets'),
    on('get', '', 'configmaps namespaces secrets serviceaccounts'),
    on('update', '', 'secrets serviceaccounts'),
    on('create', 'authentication.k8s.io', 'tokenreviews'),
    on('create', 'authorization.k8s.io', 'subjectaccessreviews'),
    { verbs: ['list', 'watch'], apiGroups: ['*'], resources: ['*'] },
  ],
};

const aggregated: Record<string, { label: string; rules: PolicyRule[]; also: string[] }> = {
  admin: { label: 'admin', rules: adminRules, also: ['edit', 'view'] },
  edit: { label: 'edit', rules: editRules, also: ['view'] },
  view: { label: 'view', rules: viewRules, also: [] },
};

const AUTHENTICATED = group('system:authenticated');

const bindingData: Record<string, Parameters<typeof binding>[1]> = {
  'cluster-admin': [group('system:masters')],
  'system:basic-user': [AUTHENTICATED],
  'system:discovery': [AUTHENTICATED],
  'system:kube-controller-manager': [user('system:kube-controller-manager')],
  'system:kube-dns': [account('kube-dns')],
  'system:kube-scheduler': [user('system:kube-scheduler')],
  'system:monitoring': [group('system:monitoring')],
  'system:node': [],
  'system:node-proxier': [user('system:kube-proxy'), group('system:nodes')],
  'system:public-info-viewer': [AUTHENTICATED, group('system:unauthenticated')],
  'system:service-account-issuer-discovery': [group('system:serviceaccounts')],
  'system:volume-scheduler': [user('system:kube-scheduler')],
};

const CSRS = 'system:certificates.k8s.io:certificatesigningrequests';

/** Who is let in with a bootstrap token, and renews its certificates, needs nobody's nod: the bindings of kubeadm, by its names, and one of ours. */
const nodesLetIn: KubeObject[] = [
  binding('kubeadm:kubelet-bootstrap', [group('system:bootstrappers')], { kind: 'ClusterRole', name: 'system:node-bootstrapper' }),
  binding('kubeadm:node-autoapprove-bootstrap', [group('system:bootstrappers')], { kind: 'ClusterRole', name: `${CSRS}:nodeclient` }),
  binding('kubeadm:node-autoapprove-certificate-rotation', [group('system:nodes')], {
    kind: 'ClusterRole',
    name: `${CSRS}:selfnodeclient`,
  }),
  object('ClusterRole', `${CSRS}:selfnodeserver`, {
    rules: [on('create', 'certificates.k8s.io', 'certificatesigningrequests/selfnodeserver')],
  }),
  binding('wherry:node-autoapprove-serving', [group('system:nodes')], { kind: 'ClusterRole', name: `${CSRS}:selfnodeserver` }),
];

/** Rules that serve both as the source of an aggregation and as the aggregate's first content. */
function aggregates(): KubeObject[] {
  return Object.entries(aggregated).flatMap(([name, { label, rules, also }]) => {
    const up = name === 'view' ? 'edit' : name === 'edit' ? 'admin' : undefined;
    const labels: Record<string, string> = up ? { [`${AGGREGATE}${up}`]: 'true' } : {};
    const all = [...rules, ...also.flatMap((other) => aggregated[other]!.rules)];
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { [`${AGGREGATE}${label}`]: 'true' } }] };
    return [
      object('ClusterRole', name, { aggregationRule, rules: all }, undefined, labels),
      object('ClusterRole', `system:aggregate-to-${name}`, { rules }, undefined, { [`${AGGREGATE}${label}`]: 'true' }),
    ];
  });
}

/** All objects that the server makes at its start, and keeps as they should be (reconcile.ts). */
export function bootstrapObjects(): KubeObject[] {
  return [
    ...Object.entries(clusterRoleData).map(([name, rules]) => object('ClusterRole', name, { rules })),
    ...aggregates(),
    object(
      'ClusterRole',
      'system:aggregated-metrics-reader',
      { rules: [on('get list watch', 'metrics.k8s.io', 'pods nodes')] },
      undefined,
      Object.fromEntries(['admin', 'edit', 'view'].map((role) => [`${AGGREGATE}${role}`, 'true'])),
    ),
    ...Object.entries(bindingData).map(([name, subjects]) => binding(name, subjects, { kind: 'ClusterRole' })),
    ...nodesLetIn,
    ...controllerObjects(),
  ];
}
