// Roles of Kubernetes' controllers, each bound to the service account of its name in kube-system, and those of leader election.
import type { KubeObject } from '../../../api/meta/index.ts';
import type { PolicyRule } from './authorizer.ts';
import { account, binding, events, object, on, READ, user } from './bootstrap-forms.ts';

const APPS = 'apps extensions';
const STATUS = 'patch update';
const OWNED = `create delete ${READ} patch update`;

/** By the controller's name; the roles are called system:controller:NAME. */
const controllerRoles: Readonly<Record<string, readonly PolicyRule[]>> = {
  'attachdetach-controller': [
    on('list watch', '', 'persistentvolumeclaims persistentvolumes'),
    on(READ, '', 'nodes'),
    on(STATUS, '', 'nodes/status'),
    on('list watch', '', 'pods'),
    events,
    on(`create delete ${READ}`, 'storage.k8s.io', 'volumeattachments'),
    on(READ, 'storage.k8s.io', 'csidrivers'),
    on(READ, 'storage.k8s.io', 'csinodes'),
  ],
  'certificate-controller': [
    on(`delete ${READ}`, 'certificates.k8s.io', 'certificatesigningrequests'),
    on('update', 'certificates.k8s.io', 'certificatesigningrequests/approval certificatesigningrequests/status'),
    on('approve', 'certificates.k8s.io', 'signers', 'kubernetes.io/kube-apiserver-client-kubelet'),
    on(
      'sign',
      'certificates.k8s.io',
      'signers',
      'kubernetes.io/kube-apiserver-client kubernetes.io/kube-apiserver-client-kubelet kubernetes.io/kubelet-serving kubernetes.io/legacy-unknown',
    ),
    on('create', 'authorization.k8s.io', 'subjectaccessreviews'),
    events,
  ],
  'clusterrole-aggregation-controller': [on(`escalate ${READ} patch update`, 'rbac.authorization.k8s.io', 'clusterroles')],
  'cronjob-controller': [
    on(`${READ} update`, 'batch', 'cronjobs'),
    on(OWNED, 'batch', 'jobs'),
    on('update', 'batch', 'cronjobs/status'),
    on('update', 'batch', 'cronjobs/finalizers'),
    on('delete list watch', '', 'pods'),
    events,
  ],
  'daemon-set-controller': [
    on(READ, APPS, 'daemonsets'),
    on('update', APPS, 'daemonsets/status'),
    on('update', APPS, 'daemonsets/finalizers'),
    on('list watch', '', 'nodes'),
    on('create delete list patch watch', '', 'pods'),
    on('create', '', 'pods/binding'),
    on(OWNED, 'apps', 'controllerrevisions'),
    events,
  ],
  'deployment-controller': [
    on(`${READ} update`, APPS, 'deployments'),
    on('update', APPS, 'deployments/status'),
    on('update', APPS, 'deployments/finalizers'),
    on(OWNED, APPS, 'replicasets'),
    on(`${READ} update`, '', 'pods'),
    events,
  ],
  'device-taint-eviction-controller': [
    on(`delete ${READ}`, '', 'pods'),
    on(STATUS, '', 'pods/status'),
    on(READ, 'resource.k8s.io', 'resourceclaims'),
    on(READ, 'resource.k8s.io', 'resourceslices'),
    on(READ, 'resource.k8s.io', 'deviceclasses'),
    events,
  ],
  'disruption-controller': [
    on(READ, APPS, 'deployments'),
    on(READ, APPS, 'replicasets'),
    on(READ, '', 'replicationcontrollers'),
    on(READ, 'policy', 'poddisruptionbudgets'),
    on(READ, 'apps', 'statefulsets'),
    on('update', 'policy', 'poddisruptionbudgets/status'),
    on(STATUS, '', 'pods/status'),
    on('get', '*', '*/scale'),
    events,
  ],
  'endpoint-controller': [
    on(READ, '', 'pods services'),
    on(`create delete ${READ} update`, '', 'endpoints'),
    on('create', '', 'endpoints/restricted'),
    events,
  ],
  'endpointslice-controller': [
    on(READ, '', 'nodes pods services'),
    on('update', '', 'services/finalizers'),
    on(`create delete ${READ} update`, 'discovery.k8s.io', 'endpointslices'),
    events,
  ],
  'endpointslicemirroring-controller': [
    on(READ, '', 'endpoints services'),
    on('update', '', 'services/finalizers'),
    on('update', '', 'endpoints/finalizers'),
    on(`create delete ${READ} update`, 'discovery.k8s.io', 'endpointslices'),
    events,
  ],
  'ephemeral-volume-controller': [
    on(READ, '', 'pods'),
    on('update', '', 'pods/finalizers'),
    on(`create ${READ}`, '', 'persistentvolumeclaims'),
    events,
  ],
  'expand-controller': [
    on(`${READ} patch update`, '', 'persistentvolumes'),
    on(STATUS, '', 'persistentvolumeclaims/status'),
    on(READ, '', 'persistentvolumeclaims'),
    events,
  ],
  'generic-garbage-collector': [on(`delete ${READ} patch update`, '*', '*'), events],
  'horizontal-pod-autoscaler': [
    on(READ, 'autoscaling', 'horizontalpodautoscalers'),
    on('update', 'autoscaling', 'horizontalpodautoscalers/status'),
    on('get update', '*', '*/scale'),
    on('list watch', '', 'pods'),
    on('list watch', 'metrics.k8s.io', 'pods'),
    on(READ, 'custom.metrics.k8s.io', '*'),
    on(READ, 'external.metrics.k8s.io', '*'),
    events,
  ],
  'job-controller': [
    on(`${READ} patch update`, 'batch', 'jobs'),
    on('update', 'batch', 'jobs/status'),
    on('update', 'batch', 'jobs/finalizers'),
    on('create delete list patch watch', '', 'pods'),
    events,
  ],
  'legacy-service-account-token-cleaner': [
    on('get', '', 'configmaps', 'kube-apiserver-legacy-service-account-token-tracking'),
    on('delete patch', '', 'secrets'),
  ],
  'namespace-controller': [
    on(`delete ${READ}`, '', 'namespaces'),
    on('update', '', 'namespaces/finalize namespaces/status'),
    on(`delete deletecollection ${READ}`, '*', '*'),
  ],
  'node-controller': [
    on(`delete ${READ} patch update`, '', 'nodes'),
    on(STATUS, '', 'nodes/status'),
    on(STATUS, '', 'pods/status'),
    on(`delete ${READ}`, '', 'pods'),
    events,
  ],
  'persistent-volume-binder': [
    on(`create delete ${READ} update`, '', 'persistentvolumes'),
    on('update', '', 'persistentvolumes/status'),
    on(`${READ} update`, '', 'persistentvolumeclaims'),
    on('update', '', 'persistentvolumeclaims/status'),
    on(`create delete ${READ}`, '', 'pods'),
    on(READ, 'storage.k8s.io', 'storageclasses'),
    on('list watch', '', 'nodes'),
    events,
    on('watch', '', 'events'),
  ],
  'pod-garbage-collector': [on('delete list watch', '', 'pods'), on(READ, '', 'nodes'), on('patch', '', 'pods/status')],
  'pv-protection-controller': [on(`${READ} update`, '', 'persistentvolumes'), events],
  'pvc-protection-controller': [
    on(`${READ} update`, '', 'persistentvolumeclaims'),
    on('update', '', 'persistentvolumeclaims/status'),
    on(READ, '', 'pods'),
    events,
  ],
  'replicaset-controller': [
    on(`${READ} update`, APPS, 'replicasets'),
    on('update', APPS, 'replicasets/status'),
    on('update', APPS, 'replicasets/finalizers'),
    on('create delete list patch watch', '', 'pods'),
    events,
  ],
  'replication-controller': [
    on(`${READ} update`, '', 'replicationcontrollers'),
    on('update', '', 'replicationcontrollers/status'),
    on('update', '', 'replicationcontrollers/finalizers'),
    on('create delete list patch watch', '', 'pods'),
    events,
  ],
  'resource-claim-controller': [
    on(READ, '', 'pods'),
    on('update', '', 'pods/finalizers'),
    on(`create delete ${READ}`, 'resource.k8s.io', 'resourceclaims'),
    on(STATUS, 'resource.k8s.io', 'resourceclaims resourceclaims/status'),
    on(STATUS, '', 'pods/status'),
    events,
    on(STATUS, 'resource.k8s.io', 'resourceclaims/binding'),
  ],
  'resourcequota-controller': [on('list watch', '*', '*'), on('update', '', 'resourcequotas/status'), events],
  'root-ca-cert-publisher': [on('create update', '', 'configmaps'), events],
  'route-controller': [on('list watch', '', 'nodes'), on('patch', '', 'nodes/status'), events],
  'selinux-warning-controller': [
    events,
    on(READ, '', 'persistentvolumes'),
    on(READ, '', 'persistentvolumeclaims'),
    on(READ, '', 'pods'),
    on(READ, 'storage.k8s.io', 'csidrivers'),
  ],
  'service-account-controller': [on('create', '', 'serviceaccounts'), events],
  'service-cidrs-controller': [
    on(`${READ} patch update`, 'networking.k8s.io', 'servicecidrs'),
    on(STATUS, 'networking.k8s.io', 'servicecidrs/finalizers'),
    on(STATUS, 'networking.k8s.io', 'servicecidrs/status'),
    on(READ, 'networking.k8s.io', 'ipaddresses'),
    events,
  ],
  'service-controller': [on(READ, '', 'services'), on(STATUS, '', 'services/status'), on('list watch', '', 'nodes'), events],
  'statefulset-controller': [
    on('list watch', '', 'pods'),
    on(READ, 'apps', 'statefulsets'),
    on('update', 'apps', 'statefulsets/status'),
    on('update', 'apps', 'statefulsets/finalizers'),
    on('create delete get patch update', '', 'pods'),
    on(OWNED, 'apps', 'controllerrevisions'),
    on(`create ${READ}`, '', 'persistentvolumeclaims'),
    on('delete update', '', 'persistentvolumeclaims'),
    on('update', '', 'pods/finalizers'),
    events,
  ],
  'ttl-after-finished-controller': [on(`delete ${READ}`, 'batch', 'jobs'), events],
  'ttl-controller': [on('list patch update watch', '', 'nodes'), events],
  'validatingadmissionpolicy-status-controller': [
    on(READ, 'admissionregistration.k8s.io', 'validatingadmissionpolicies'),
    on('get patch update', 'admissionregistration.k8s.io', 'validatingadmissionpolicies/status'),
    events,
  ],
  'volumeattributesclass-protection-controller': [
    on(READ, '', 'persistentvolumeclaims'),
    on(READ, '', 'persistentvolumes'),
    on(`${READ} update`, 'storage.k8s.io', 'volumeattributesclasses'),
    events,
  ],
};

/** What controllers do here beyond upstream's, and those that upstream does not have: wherry:controller:NAME. */
const ownRoles: Readonly<Record<string, readonly PolicyRule[]>> = {
  'certificate-controller': [
    on('list', '', 'nodes'),
    on('get', '', 'endpoints', 'kubernetes'),
    on('approve', 'certificates.k8s.io', 'signers', 'kubernetes.io/kubelet-serving'),
  ],
  'cluster-dns': [on('create', '', 'services'), on('create update', 'discovery.k8s.io', 'endpointslices')],
  'local-path-provisioner': [
    on('create', 'storage.k8s.io', 'storageclasses'),
    on('create delete patch', '', 'persistentvolumes'),
    on('patch', '', 'persistentvolumeclaims'),
    on('update', '', 'persistentvolumeclaims/status'),
    events,
  ],
};

/** Cluster roles named `PREFIX:NAME`, each bound to the service account NAME. */
const rolesOf = (prefix: string, roles: Readonly<Record<string, readonly PolicyRule[]>>): KubeObject[] =>
  Object.entries(roles).flatMap(([controller, rules]) => {
    const name = `${prefix}:${controller}`;
    return [object('ClusterRole', name, { rules }), binding(name, [account(controller)], { kind: 'ClusterRole' })];
  });

const leaderRules = ['leases', 'leasecandidates'].map((resource) => on(`create ${READ} update`, 'coordination.k8s.io', resource));

interface NamespacedRole {
  namespace: 'kube-system' | 'kube-public';
  name: string;
  rules: readonly PolicyRule[];
  subjects: Parameters<typeof binding>[1];
  /** When it is not called as its role. */
  bindingName?: string;
}

const namespacedRoles: readonly NamespacedRole[] = [
  {
    namespace: 'kube-public',
    name: 'system:controller:bootstrap-signer',
    rules: [on(READ, '', 'configmaps'), on('update', '', 'configmaps', 'cluster-info'), events],
    subjects: [account('bootstrap-signer')],
  },
  {
    namespace: 'kube-system',
    name: 'extension-apiserver-authentication-reader',
    rules: [on(READ, '', 'configmaps', 'extension-apiserver-authentication')],
    subjects: [user('system:kube-controller-manager'), user('system:kube-scheduler')],
    bindingName: 'system::extension-apiserver-authentication-reader',
  },
  {
    namespace: 'kube-system',
    name: 'system::leader-locking-kube-controller-manager',
    rules: leaderRules,
    subjects: [user('system:kube-controller-manager'), account('kube-controller-manager'), account('leader-election-controller')],
  },
  {
    namespace: 'kube-system',
    name: 'system::leader-locking-kube-scheduler',
    rules: leaderRules,
    subjects: [user('system:kube-scheduler'), account('kube-scheduler')],
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:bootstrap-signer',
    rules: [on(READ, '', 'secrets')],
    subjects: [account('bootstrap-signer')],
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:cloud-provider',
    rules: [on(`create ${READ}`, '', 'configmaps')],
    subjects: [account('cloud-provider')],
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:token-cleaner',
    rules: [on(`delete ${READ}`, '', 'secrets'), events],
    subjects: [account('token-cleaner')],
  },
];

export function controllerObjects(): KubeObject[] {
  return [
    ...rolesOf('system:controller', controllerRoles),
    ...rolesOf('wherry:controller', ownRoles),
    ...namespacedRoles.flatMap(({ namespace, name, rules, subjects, bindingName }) => [
      object('Role', name, { rules }, namespace),
      binding(bindingName ?? name, subjects, { kind: 'Role', name }, namespace),
    ]),
  ];
}
