// Entry of the controllers: the list, and the service that runs them all.
import { createEventRecorder } from '../../kit/client/index.ts';
import { neverFails, type Service, systemClock } from '../../kit/run/index.ts';
import { admissionPolicyController } from './admissionpolicy/controller.ts';
import { bootstrapSigner, tokenCleaner } from './bootstraptokens/controller.ts';
import { certificateCleaner } from './certificates/cleaner.ts';
import { certificatesController } from './certificates/controller.ts';
import { clusterDnsController } from './clusterdns/controller.ts';
import { clusterRoleAggregationController } from './clusterrole/controller.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { cronJobController } from './cronjob/controller.ts';
import { daemonSetController } from './daemonset/controller.ts';
import { deploymentController } from './deployment/controller.ts';
import { disruptionController } from './disruption/controller.ts';
import { endpointSliceController } from './endpointslice/controller.ts';
import { endpointsController } from './endpointslice/endpoints-controller.ts';
import { endpointSliceMirroringController } from './endpointslice/mirroring.ts';
import { ephemeralVolumeController } from './ephemeralvolume/controller.ts';
import { flowControlController } from './flowcontrol/controller.ts';
import { garbageCollector } from './garbagecollector/controller.ts';
import { horizontalPodAutoscalerController } from './horizontalpodautoscaler/controller.ts';
import { jobController } from './job/controller.ts';
import { localPathController } from './localpath/controller.ts';
import { namespaceController } from './namespace/controller.ts';
import { nodeIpamController } from './nodeipam/controller.ts';
import { nodeLifecycleController } from './nodelifecycle/controller.ts';
import { persistentVolumeController } from './persistentvolume/controller.ts';
import { podGCController } from './podgc/controller.ts';
import { replicaSetController, replicationControllerController } from './replicaset/controller.ts';
import { rootCAController } from './rootca/controller.ts';
import { serviceAccountController } from './serviceaccount/controller.ts';
import { serviceAccountTokenController } from './serviceaccounttoken/controller.ts';
import { serviceCidrController } from './servicecidr/controller.ts';
import { AllKinds } from './shared/all-kinds.ts';
import { statefulSetController } from './statefulset/controller.ts';
import { taintEvictionController } from './tainteviction/controller.ts';
import { ttlController } from './ttl/controller.ts';
import { volumeAttachmentController } from './volumeattachment/controller.ts';
import { volumeProtectionController } from './volumeprotection/controller.ts';

export type { Controller, ControllersConfig } from './controller.ts';

/** Namespaces and the garbage collector look at all kinds: through the same caches. */
const kindsOf = (() => {
  const made = new WeakMap<ControllerContext, AllKinds>();
  return (context: ControllerContext, signal: AbortSignal): AllKinds => {
    let kinds = made.get(context);
    if (!kinds) made.set(context, (kinds = new AllKinds(context, signal)));
    return kinds;
  };
})();

const controllers: readonly Controller[] = [
  serviceAccountController,
  serviceAccountTokenController,
  certificatesController,
  certificateCleaner,
  tokenCleaner,
  bootstrapSigner,
  rootCAController,
  clusterRoleAggregationController,
  clusterDnsController,
  nodeIpamController,
  serviceCidrController,
  flowControlController,
  admissionPolicyController,
  nodeLifecycleController,
  taintEvictionController,
  ttlController,
  replicaSetController,
  replicationControllerController,
  deploymentController,
  daemonSetController,
  statefulSetController,
  jobController,
  cronJobController,
  disruptionController,
  endpointSliceController,
  endpointsController,
  endpointSliceMirroringController,
  persistentVolumeController,
  localPathController,
  ephemeralVolumeController,
  volumeAttachmentController,
  volumeProtectionController,
  podGCController,
  horizontalPodAutoscalerController(kindsOf),
  namespaceController(kindsOf),
  garbageCollector(kindsOf),
];

export type ControllersContext = Pick<ControllerContext, 'client' | 'informers' | 'log' | 'config'> &
  Partial<Pick<ControllerContext, 'clock'>>;

/** All controllers as one service; it has started when all caches are filled. */
export function startControllers(options: ControllersContext): Service {
  const clock = options.clock ?? systemClock;
  const context: ControllerContext = {
    ...options,
    clock,
    events: (component) => createEventRecorder({ client: options.client, component, log: options.log, clock }),
  };
  return {
    name: 'controllers',
    async start() {
      const stop = new AbortController();
      let open: () => void = () => {};
      const ready = new Promise<void>((resolve) => {
        open = resolve;
      });
      for (const controller of controllers) controller.start(context, stop.signal, ready);
      await options.informers.synced();
      open();
      return {
        failed: neverFails,
        async stop() {
          stop.abort(new Error('controllers stopped'));
        },
      };
    },
  };
}
