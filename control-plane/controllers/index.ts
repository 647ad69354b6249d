// Entry of the controllers: the list, and the service that runs them all.
import { type Client, createEventRecorder } from '../../kit/client/index.ts';
import { type Clock, neverFails, type Service, systemClock } from '../../kit/run/index.ts';
import { admissionPolicyController } from './admissionpolicy/controller.ts';
import { bootstrapSigner, tokenCleaner } from './bootstraptokens/controller.ts';
import { certificateCleaner } from './certificates/cleaner.ts';
import { certificatesController } from './certificates/controller.ts';
import { clusterDnsController } from './clusterdns/controller.ts';
import { clusterRoleAggregationController } from './clusterrole/controller.ts';
import { CONTROLLER_MANAGER, type Controller, type ControllerContext } from './controller.ts';
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
import { ipAddressController } from './servicecidr/ip-addresses.ts';
import { AllKinds } from './shared/all-kinds.ts';
import { statefulSetController } from './statefulset/controller.ts';
import { taintEvictionController } from './tainteviction/controller.ts';
import { ttlController } from './ttl/controller.ts';
import { ttlAfterFinishedController } from './ttlafterfinished/controller.ts';
import { volumeAttachmentController } from './volumeattachment/controller.ts';
import {
  attributesClassProtectionController,
  claimProtectionController,
  volumeProtectionController,
} from './volumeprotection/controller.ts';

export type { Controller, ControllersConfig } from './controller.ts';

export const controllers: readonly Controller[] = [
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
  ipAddressController,
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
  ttlAfterFinishedController,
  cronJobController,
  disruptionController,
  endpointSliceController,
  endpointsController,
  endpointSliceMirroringController,
  persistentVolumeController,
  localPathController,
  ephemeralVolumeController,
  volumeAttachmentController,
  claimProtectionController,
  volumeProtectionController,
  attributesClassProtectionController,
  podGCController,
  horizontalPodAutoscalerController,
  namespaceController,
  garbageCollector,
];

export interface ControllersOptions extends Pick<ControllerContext, 'informers' | 'log' | 'config'> {
  clientOf(user: string): Client;
  clock?: Clock;
}

/** All controllers as one service; it has started when all caches are filled. */
export function startControllers(options: ControllersOptions): Service {
  const { informers, log, config, clock = systemClock, clientOf } = options;
  return {
    name: 'controllers',
    async start() {
      const stop = new AbortController();
      let open: () => void = () => {};
      const ready = new Promise<void>((resolve) => {
        open = resolve;
      });
      const allKinds = new AllKinds({ client: clientOf(CONTROLLER_MANAGER), informers, clock, log }, stop.signal, ready);
      for (const controller of controllers) {
        const client = clientOf(controller.user);
        const events = (component: string) => createEventRecorder({ client, component, log, clock });
        controller.start({ client, informers, allKinds, log, config, clock, events }, stop.signal, ready);
      }
      await informers.synced();
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
