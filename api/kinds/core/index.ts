// Behaviours of the kinds of the core group.
import type { KubeObject } from '../../meta/index.ts';
import type { Behaviours } from '../behaviours.ts';
import { nameColumn, string } from '../columns.ts';
import { configMap } from './configmap.ts';
import { endpoints } from './endpoints.ts';
import { event } from './event.ts';
import { limitRange } from './limitrange.ts';
import { namespace } from './namespace.ts';
import { node } from './node.ts';
import { persistentVolume } from './persistentvolume.ts';
import { persistentVolumeClaim } from './persistentvolumeclaim.ts';
import { pod } from './pod/pod.ts';
import { podTemplate } from './pod-template.ts';
import { replicationController } from './replicationcontroller.ts';
import { resourceQuota } from './resourcequota.ts';
import { secret } from './secret.ts';
import { service } from './service/service.ts';
import { serviceAccount } from './serviceaccount.ts';

const healthOf = (object: KubeObject): Record<string, string> | undefined =>
  object['conditions']?.find(({ type }: { type: string }) => type === 'Healthy');
const health = (name: string, key: string) => string(name, (object) => healthOf(object)?.[key] ?? '');
const healthWord = (object: KubeObject): string => {
  const found = healthOf(object);
  return found === undefined ? 'Unknown' : found['status'] === 'True' ? 'Healthy' : 'Unhealthy';
};

export const core: Behaviours = {
  Binding: { virtual: true },
  ComponentStatus: {
    virtual: true,
    deprecation: 'v1 ComponentStatus is deprecated in v1.19+',
    columns: [nameColumn, string('Status', healthWord), health('Message', 'message'), health('Error', 'error')],
  },
  ConfigMap: configMap,
  Endpoints: endpoints,
  Event: event,
  LimitRange: limitRange,
  Namespace: namespace,
  Node: node,
  PersistentVolume: persistentVolume,
  PersistentVolumeClaim: persistentVolumeClaim,
  Pod: pod,
  PodTemplate: podTemplate,
  ReplicationController: replicationController,
  ResourceQuota: resourceQuota,
  Secret: secret,
  Service: service,
  ServiceAccount: serviceAccount,
};
