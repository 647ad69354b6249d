// What the columns of tables mean: a field's documentation (`Type.field`, of the kind's own group unless it says `core.v1.Type.field`),
// or a few words where no field is shown as it is.
import type { GroupVersionKind } from '../meta/index.ts';

/** Of all kinds, unless the kind's own list has the column. */
const COMMON: Readonly<Record<string, string>> = {
  Name: 'ObjectMeta.name',
  Age: 'ObjectMeta.creationTimestamp',
  'Created At': 'ObjectMeta.creationTimestamp',
  Containers: 'Names of each container in the template.',
  Images: 'Images referenced by each container in the template.',
};

const READY_PODS = 'Number of the pod with ready state';
const WEBHOOKS = 'Webhooks indicates the number of webhooks registered in this configuration';
const paramKind = 'ParamKind specifies the kind of resources used to parameterize this policy';
const bound = (name: string, type: string): Record<string, string> => ({
  Role: `rbac.v1beta1.${type}.roleRef`,
  Users: `Users in the ${name}`,
  Groups: `Groups in the ${name}`,
  ServiceAccounts: `ServiceAccounts in the ${name}`,
});

/** By group and kind. */
const TEXTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '/ConfigMap': { Data: 'ConfigMap.data' },
  '/Endpoints': { Endpoints: 'Endpoints.subsets' },
  '/Event': {
    'Last Seen': 'Event.lastTimestamp',
    Type: 'Event.type',
    Reason: 'Event.reason',
    Object: 'Event.involvedObject',
    Subobject: 'ObjectReference.fieldPath',
    Source: 'Event.source',
    Message: 'Event.message',
    'First Seen': 'Event.firstTimestamp',
    Count: 'Event.count',
  },
  '/Namespace': { Status: 'The status of the namespace' },
  '/Node': {
    Status: 'The status of the node',
    Roles: 'The roles of the node',
    Version: 'NodeSystemInfo.kubeletVersion',
    'Internal-IP': 'NodeStatus.addresses',
    'External-IP': 'NodeStatus.addresses',
    'OS-Image': 'NodeSystemInfo.osImage',
    'Kernel-Version': 'NodeSystemInfo.kernelVersion',
    'Container-Runtime': 'NodeSystemInfo.containerRuntimeVersion',
  },
  '/PersistentVolume': {
    Capacity: 'PersistentVolumeSpec.capacity',
    'Access Modes': 'PersistentVolumeSpec.accessModes',
    'Reclaim Policy': 'PersistentVolumeSpec.persistentVolumeReclaimPolicy',
    Status: 'PersistentVolumeStatus.phase',
    Claim: 'PersistentVolumeSpec.claimRef',
    StorageClass: 'StorageClass of the pv',
    VolumeAttributesClass: 'VolumeAttributesClass of the pv',
    Reason: 'PersistentVolumeStatus.reason',
    VolumeMode: 'PersistentVolumeSpec.volumeMode',
  },
  '/PersistentVolumeClaim': {
    Status: 'PersistentVolumeClaimStatus.phase',
    Volume: 'PersistentVolumeClaimSpec.volumeName',
    Capacity: 'PersistentVolumeClaimStatus.capacity',
    'Access Modes': 'PersistentVolumeClaimStatus.accessModes',
    StorageClass: 'StorageClass of the pvc',
    VolumeAttributesClass: 'VolumeAttributesClass of the pvc',
    VolumeMode: 'PersistentVolumeClaimSpec.volumeMode',
  },
  '/Pod': {
    Ready: 'How many of the containers accept traffic.',
    Status: 'What the containers of the pod do, in one word.',
    Restarts: 'How often the containers were started again, and when the last time was.',
    IP: 'PodStatus.podIP',
    Node: 'PodSpec.nodeName',
    'Nominated Node': 'PodStatus.nominatedNodeName',
    'Readiness Gates': 'PodSpec.readinessGates',
  },
  '/PodTemplate': { 'Pod Labels': 'The labels for the pod template.' },
  '/ReplicationController': {
    Desired: 'ReplicationControllerSpec.replicas',
    Current: 'ReplicationControllerStatus.replicas',
    Ready: 'ReplicationControllerStatus.readyReplicas',
    Selector: 'ReplicationControllerSpec.selector',
  },
  '/ResourceQuota': { Request: 'What is requested, and how much may be.', Limit: 'What the limits sum up to, and how much they may.' },
  '/Secret': { Type: 'Secret.type', Data: 'Secret.data' },
  '/Service': {
    Type: 'ServiceSpec.type',
    'Cluster-IP': 'ServiceSpec.clusterIP',
    'External-IP': 'ServiceSpec.externalIPs',
    'Port(s)': 'ServiceSpec.ports',
    Selector: 'ServiceSpec.selector',
  },
  '/ServiceAccount': { Secrets: 'ServiceAccount.secrets' },
  'admissionregistration.k8s.io/MutatingAdmissionPolicy': {
    Mutations: 'Mutations indicates the number of mutation rules defined in this configuration',
    ParamKind: paramKind,
  },
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': { Webhooks: WEBHOOKS },
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy': {
    Validations: 'Validations indicates the number of validation rules defined in this configuration',
    ParamKind: paramKind,
  },
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': { Webhooks: WEBHOOKS },
  'apps/ControllerRevision': { Controller: 'Controller of the object', Revision: 'ControllerRevision.revision' },
  'apps/DaemonSet': {
    Desired: 'DaemonSetStatus.desiredNumberScheduled',
    Current: 'DaemonSetStatus.currentNumberScheduled',
    Ready: 'DaemonSetStatus.numberReady',
    'Up-to-date': 'DaemonSetStatus.updatedNumberScheduled',
    Available: 'DaemonSetStatus.numberAvailable',
    'Node Selector': 'core.v1.PodSpec.nodeSelector',
    Selector: 'DaemonSetSpec.selector',
  },
  'apps/Deployment': {
    Ready: READY_PODS,
    'Up-to-date': 'DeploymentStatus.updatedReplicas',
    Available: 'DeploymentStatus.availableReplicas',
    Selector: 'DeploymentSpec.selector',
  },
  'apps/ReplicaSet': {
    Desired: 'ReplicaSetSpec.replicas',
    Current: 'ReplicaSetStatus.replicas',
    Ready: 'ReplicaSetStatus.readyReplicas',
    Selector: 'ReplicaSetSpec.selector',
  },
  'apps/StatefulSet': { Ready: READY_PODS },
  'autoscaling/HorizontalPodAutoscaler': {
    Reference: 'autoscaling.v2.HorizontalPodAutoscalerSpec.scaleTargetRef',
    Targets: 'autoscaling.v2.HorizontalPodAutoscalerSpec.metrics',
    MinPods: 'autoscaling.v2.HorizontalPodAutoscalerSpec.minReplicas',
    MaxPods: 'autoscaling.v2.HorizontalPodAutoscalerSpec.maxReplicas',
    Replicas: 'autoscaling.v2.HorizontalPodAutoscalerStatus.currentReplicas',
  },
  'batch/CronJob': {
    Schedule: 'CronJobSpec.schedule',
    Timezone: 'CronJobSpec.timeZone',
    Suspend: 'CronJobSpec.suspend',
    Active: 'CronJobStatus.active',
    'Last Schedule': 'CronJobStatus.lastScheduleTime',
    Selector: 'JobSpec.selector',
  },
  'batch/Job': {
    Status: 'Status of the job.',
    Completions: 'JobStatus.succeeded',
    Duration: 'Time required to complete the job.',
    Selector: 'JobSpec.selector',
  },
  'certificates.k8s.io/CertificateSigningRequest': {
    SignerName: 'certificates.v1beta1.CertificateSigningRequestSpec.signerName',
    Requestor: 'certificates.v1beta1.CertificateSigningRequestSpec.request',
    RequestedDuration: 'CertificateSigningRequestSpec.expirationSeconds',
    Condition: 'certificates.v1beta1.CertificateSigningRequestStatus.conditions',
  },
  'coordination.k8s.io/Lease': { Holder: 'LeaseSpec.holderIdentity' },
  'discovery.k8s.io/EndpointSlice': {
    AddressType: 'EndpointSlice.addressType',
    Ports: 'EndpointSlice.ports',
    Endpoints: 'EndpointSlice.endpoints',
  },
  'events.k8s.io/Event': {
    'Last Seen': 'core.v1.Event.lastTimestamp',
    Type: 'core.v1.Event.type',
    Reason: 'core.v1.Event.reason',
    Object: 'core.v1.Event.involvedObject',
    Subobject: 'core.v1.ObjectReference.fieldPath',
    Source: 'core.v1.Event.source',
    Message: 'core.v1.Event.message',
    'First Seen': 'core.v1.Event.firstTimestamp',
    Count: 'core.v1.Event.count',
  },
  'networking.k8s.io/Ingress': {
    Class: 'The name of the IngressClass resource that should be used for additional configuration',
    Hosts: 'Hosts that incoming requests are matched against before the ingress rule',
    Address: 'Address is a list containing ingress points for the load-balancer',
    Ports: 'Ports of TLS configurations that open',
  },
  'networking.k8s.io/IngressClass': {
    Controller: 'Controller that is responsible for handling this class',
    Parameters: 'A reference to a resource with additional parameters',
  },
  'networking.k8s.io/NetworkPolicy': { 'Pod-Selector': 'NetworkPolicySpec.podSelector' },
  'networking.k8s.io/ServiceCIDR': { CIDRs: 'ServiceCIDRSpec.cidrs' },
  'policy/PodDisruptionBudget': {
    'Min Available': 'The minimum number of pods that must be available.',
    'Max Unavailable': 'The maximum number of pods that may be unavailable.',
    'Allowed Disruptions': 'How many pods may be disrupted now.',
  },
  'rbac.authorization.k8s.io/ClusterRoleBinding': bound('clusterRoleBinding', 'ClusterRoleBinding'),
  'rbac.authorization.k8s.io/RoleBinding': bound('roleBinding', 'RoleBinding'),
  'resource.k8s.io/ResourceClaim': { State: 'A summary of the current state (allocated, pending, reserved, etc.).' },
  'scheduling.k8s.io/PriorityClass': {
    Value: 'PriorityClass.value',
    'Global-Default': 'PriorityClass.globalDefault',
    PreemptionPolicy: 'PriorityClass.preemptionPolicy',
  },
  'storage.k8s.io/CSIDriver': {
    AttachRequired: 'CSIDriverSpec.attachRequired',
    PodInfoOnMount: 'CSIDriverSpec.podInfoOnMount',
    StorageCapacity: 'CSIDriverSpec.storageCapacity',
    TokenRequests: 'CSIDriverSpec.tokenRequests',
    RequiresRepublish: 'CSIDriverSpec.requiresRepublish',
    Modes: 'CSIDriverSpec.volumeLifecycleModes',
  },
  'storage.k8s.io/CSINode': { Drivers: 'Drivers indicates the number of CSI drivers registered on the node' },
  'storage.k8s.io/StorageClass': {
    Provisioner: 'StorageClass.provisioner',
    ReclaimPolicy: 'StorageClass.reclaimPolicy',
    VolumeBindingMode: 'StorageClass.volumeBindingMode',
    AllowVolumeExpansion: 'StorageClass.allowVolumeExpansion',
  },
  'storage.k8s.io/VolumeAttachment': {
    Attacher: 'VolumeAttachmentSpec.attacher',
    PV: 'VolumeAttachmentSource.persistentVolumeName',
    Node: 'VolumeAttachmentSpec.nodeName',
    Attached: 'VolumeAttachmentStatus.attached',
  },
  'storage.k8s.io/VolumeAttributesClass': { DriverName: 'VolumeAttributesClass.driverName' },
};

/** Words of our own, or the name of the field whose documentation the column shows: `io.k8s.api.core.v1.PodStatus` and `podIP`. */
export type ColumnText = { words: string } | { definition: string; field: string };

const FIELD = /^(?:(\w+\.\w+)\.)?([A-Z]\w*)\.([a-z]\w*)$/;
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

export function columnText({ group, version, kind }: GroupVersionKind, column: string): ColumnText | undefined {
  const text = TEXTS[`${group}/${kind}`]?.[column] ?? COMMON[column];
  if (text === undefined) return undefined;
  const [, place, type, field] = FIELD.exec(text) ?? [];
  if (type === undefined || field === undefined) return { words: text };
  if (type === 'ObjectMeta') return { definition: `${META}.${type}`, field };
  return { definition: `io.k8s.api.${place ?? `${group === '' ? 'core' : group.split('.')[0]}.${version}`}.${type}`, field };
}
