// The names of every built-in resource of Kubernetes v1.36, as discovery gives them; groups in discovery's order.
import type { ResourceNames, Subresource } from './kind.ts';

const ALL = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const CHANGE = ['get', 'patch', 'update'];
const STREAM = ['create', 'get'];
const PROXY = ['create', 'delete', 'get', 'patch', 'update'];

interface Options {
  short?: readonly string[];
  categories?: readonly string[];
  verbs?: readonly string[];
  sub?: readonly Subresource[];
  singular?: string;
}

type Row = (kind: string, plural: string, options?: Options) => ResourceNames;

const rows =
  (group: string, version: string, namespaced: boolean): Row =>
  (kind, plural, options = {}) => ({
    group,
    version,
    kind,
    plural,
    singular: options.singular ?? kind.toLowerCase(),
    namespaced,
    shortNames: options.short ?? [],
    categories: options.categories ?? [],
    verbs: options.verbs ?? ALL,
    subresources: options.sub ?? [],
  });

const status: Subresource = { name: 'status', verbs: CHANGE };
const scale: Subresource = { name: 'scale', verbs: CHANGE, responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' } };
const inCore = (name: string, kind: string, verbs: readonly string[]): Subresource => ({
  name,
  verbs,
  responseKind: { group: '', version: 'v1', kind },
});

const all = ['all'];
const extensions = ['api-extensions'];
const create = ['create'];

const core = rows('', 'v1', true);
const coreCluster = rows('', 'v1', false);
const apiregistration = rows('apiregistration.k8s.io', 'v1', false);
const apps = rows('apps', 'v1', true);
const events = rows('events.k8s.io', 'v1', true);
const authentication = rows('authentication.k8s.io', 'v1', false);
const authorization = rows('authorization.k8s.io', 'v1', false);
const batch = rows('batch', 'v1', true);
const certificates = rows('certificates.k8s.io', 'v1', false);
const networking = rows('networking.k8s.io', 'v1', true);
const networkingCluster = rows('networking.k8s.io', 'v1', false);
const policy = rows('policy', 'v1', true);
const rbac = rows('rbac.authorization.k8s.io', 'v1', true);
const rbacCluster = rows('rbac.authorization.k8s.io', 'v1', false);
const storage = rows('storage.k8s.io', 'v1', false);
const admission = rows('admissionregistration.k8s.io', 'v1', false);
const flowcontrol = rows('flowcontrol.apiserver.k8s.io', 'v1', false);
const resource = rows('resource.k8s.io', 'v1', true);
const resourceCluster = rows('resource.k8s.io', 'v1', false);

export const names: readonly ResourceNames[] = [
  core('Binding', 'bindings', { verbs: create }),
  coreCluster('ComponentStatus', 'componentstatuses', { short: ['cs'], verbs: ['get', 'list'] }),
  core('ConfigMap', 'configmaps', { short: ['cm'] }),
  core('Endpoints', 'endpoints', { short: ['ep'] }),
  core('Event', 'events', { short: ['ev'] }),
  core('LimitRange', 'limitranges', { short: ['limits'] }),
  coreCluster('Namespace', 'namespaces', {
    short: ['ns'],
    verbs: ALL.filter((verb) => verb !== 'deletecollection'),
    sub: [{ name: 'finalize', verbs: ['update'] }, status],
  }),
  coreCluster('Node', 'nodes', { short: ['no'], sub: [inCore('proxy', 'NodeProxyOptions', PROXY), status] }),
  core('PersistentVolumeClaim', 'persistentvolumeclaims', { short: ['pvc'], sub: [status] }),
  coreCluster('PersistentVolume', 'persistentvolumes', { short: ['pv'], sub: [status] }),
  core('Pod', 'pods', {
    short: ['po'],
    categories: all,
    sub: [
      inCore('attach', 'PodAttachOptions', STREAM),
      inCore('binding', 'Binding', create),
      { name: 'ephemeralcontainers', verbs: CHANGE },
      { name: 'eviction', verbs: create, responseKind: { group: 'policy', version: 'v1', kind: 'Eviction' } },
      inCore('exec', 'PodExecOptions', STREAM),
      { name: 'log', verbs: ['get'] },
      inCore('portforward', 'PodPortForwardOptions', STREAM),
      inCore('proxy', 'PodProxyOptions', PROXY),
      { name: 'resize', verbs: CHANGE },
      status,
    ],
  }),
  core('PodTemplate', 'podtemplates'),
  core('ReplicationController', 'replicationcontrollers', { short: ['rc'], categories: all, sub: [scale, status] }),
  core('ResourceQuota', 'resourcequotas', { short: ['quota'], sub: [status] }),
  core('Secret', 'secrets'),
  core('ServiceAccount', 'serviceaccounts', {
    short: ['sa'],
    sub: [{ name: 'token', verbs: create, responseKind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' } }],
  }),
  core('Service', 'services', { short: ['svc'], categories: all, sub: [inCore('proxy', 'ServiceProxyOptions', PROXY), status] }),

  apiregistration('APIService', 'apiservices', { categories: extensions, sub: [status] }),

  apps('ControllerRevision', 'controllerrevisions'),
  apps('DaemonSet', 'daemonsets', { short: ['ds'], categories: all, sub: [status] }),
  apps('Deployment', 'deployments', { short: ['deploy'], categories: all, sub: [scale, status] }),
  apps('ReplicaSet', 'replicasets', { short: ['rs'], categories: all, sub: [scale, status] }),
  apps('StatefulSet', 'statefulsets', { short: ['sts'], categories: all, sub: [scale, status] }),

  events('Event', 'events', { short: ['ev'] }),

  authentication('SelfSubjectReview', 'selfsubjectreviews', { verbs: create }),
  authentication('TokenReview', 'tokenreviews', { verbs: create }),

  rows('authorization.k8s.io', 'v1', true)('LocalSubjectAccessReview', 'localsubjectaccessreviews', { verbs: create }),
  authorization('SelfSubjectAccessReview', 'selfsubjectaccessreviews', { verbs: create }),
  authorization('SelfSubjectRulesReview', 'selfsubjectrulesreviews', { verbs: create }),
  authorization('SubjectAccessReview', 'subjectaccessreviews', { verbs: create }),

  rows('autoscaling', 'v2', true)('HorizontalPodAutoscaler', 'horizontalpodautoscalers', {
    short: ['hpa'],
    categories: all,
    sub: [status],
  }),
  rows('autoscaling', 'v1', true)('HorizontalPodAutoscaler', 'horizontalpodautoscalers', {
    short: ['hpa'],
    categories: all,
    sub: [status],
  }),

  batch('CronJob', 'cronjobs', { short: ['cj'], categories: all, sub: [status] }),
  batch('Job', 'jobs', { categories: all, sub: [status] }),

  certificates('CertificateSigningRequest', 'certificatesigningrequests', {
    short: ['csr'],
    sub: [{ name: 'approval', verbs: CHANGE }, status],
  }),

  networkingCluster('IngressClass', 'ingressclasses'),
  networking('Ingress', 'ingresses', { short: ['ing'], sub: [status] }),
  networkingCluster('IPAddress', 'ipaddresses', { short: ['ip'] }),
  networking('NetworkPolicy', 'networkpolicies', { short: ['netpol'] }),
  networkingCluster('ServiceCIDR', 'servicecidrs', { sub: [status] }),

  policy('PodDisruptionBudget', 'poddisruptionbudgets', { short: ['pdb'], sub: [status] }),

  rbacCluster('ClusterRoleBinding', 'clusterrolebindings'),
  rbacCluster('ClusterRole', 'clusterroles'),
  rbac('RoleBinding', 'rolebindings'),
  rbac('Role', 'roles'),

  storage('CSIDriver', 'csidrivers'),
  storage('CSINode', 'csinodes'),
  rows('storage.k8s.io', 'v1', true)('CSIStorageCapacity', 'csistoragecapacities'),
  storage('StorageClass', 'storageclasses', { short: ['sc'] }),
  storage('VolumeAttachment', 'volumeattachments', { sub: [status] }),
  storage('VolumeAttributesClass', 'volumeattributesclasses', { short: ['vac'] }),

  admission('MutatingAdmissionPolicy', 'mutatingadmissionpolicies', { categories: extensions }),
  admission('MutatingAdmissionPolicyBinding', 'mutatingadmissionpolicybindings', { categories: extensions }),
  admission('MutatingWebhookConfiguration', 'mutatingwebhookconfigurations', { categories: extensions }),
  admission('ValidatingAdmissionPolicy', 'validatingadmissionpolicies', { categories: extensions, sub: [status] }),
  admission('ValidatingAdmissionPolicyBinding', 'validatingadmissionpolicybindings', { categories: extensions }),
  admission('ValidatingWebhookConfiguration', 'validatingwebhookconfigurations', { categories: extensions }),

  rows('apiextensions.k8s.io', 'v1', false)('CustomResourceDefinition', 'customresourcedefinitions', {
    short: ['crd', 'crds'],
    categories: extensions,
    sub: [status],
  }),

  rows('scheduling.k8s.io', 'v1', false)('PriorityClass', 'priorityclasses', { short: ['pc'] }),

  rows('coordination.k8s.io', 'v1', true)('Lease', 'leases'),

  rows('node.k8s.io', 'v1', false)('RuntimeClass', 'runtimeclasses'),

  rows('discovery.k8s.io', 'v1', true)('EndpointSlice', 'endpointslices'),

  resourceCluster('DeviceClass', 'deviceclasses'),
  resource('ResourceClaim', 'resourceclaims', { sub: [status] }),
  resource('ResourceClaimTemplate', 'resourceclaimtemplates'),
  resourceCluster('ResourceSlice', 'resourceslices'),

  flowcontrol('FlowSchema', 'flowschemas', { sub: [status] }),
  flowcontrol('PriorityLevelConfiguration', 'prioritylevelconfigurations', { sub: [status] }),
];
