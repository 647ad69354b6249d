// Behaviours of the kinds of the core group.
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

const condition = (name: string, key: string) => string(name, (object) => object['conditions']?.[0]?.[key] ?? '');

export const core: Behaviours = {
  Binding: { virtual: true },
  ComponentStatus: {
    virtual: true,
    deprecation: 'v1 ComponentStatus is deprecated in v1.19+',
    columns: [nameColumn, condition('Status', 'status'), condition('Message', 'message'), condition('Error', 'error')],
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
