// Entry of the controllers: the list, and the service that runs them all.
import { createEventRecorder } from '../../kit/client/index.ts';
import { neverFails, type Service, systemClock } from '../../kit/run/index.ts';
import { clusterDnsController } from './clusterdns/controller.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { deploymentController } from './deployment/controller.ts';
import { nodeIpamController } from './nodeipam/controller.ts';
import { podGCController } from './podgc/controller.ts';
import { replicaSetController, replicationControllerController } from './replicaset/controller.ts';
import { rootCAController } from './rootca/controller.ts';
import { serviceAccountController } from './serviceaccount/controller.ts';

export type { Controller, ControllersConfig } from './controller.ts';

export const controllers: readonly Controller[] = [
  serviceAccountController,
  rootCAController,
  clusterDnsController,
  nodeIpamController,
  replicaSetController,
  replicationControllerController,
  deploymentController,
  podGCController,
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
