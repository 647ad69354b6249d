// Keeps routes to the pods on the control plane's own host, where it is a host of its own (a rig): for proxying to pods and webhooks.
import type { Node } from '../../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../../api/meta/index.ts';
import { type Client, createInformer, RESOURCES } from '../../../kit/client/index.ts';
import { Reconciler } from '../../../kit/queue/index.ts';
import { type Logger, neverFails, type Service } from '../../../kit/run/index.ts';
import { type PodRoute, podRoutes, routeChanges } from './plan.ts';

const EVERYTHING = 'all';

export interface RouteOptions {
  client: Client;
  log: Logger;
}

/** The service; routes are made in the namespace in which it starts. */
export const routeService = ({ client, log }: RouteOptions): Service => ({
  name: 'routes to pods',
  async start(signal) {
    // Only here: loading it takes longer than all of the rest of the process's own code.
    const { Netlink } = await import('../../../kit/linux/index.ts');
    const netlink = Netlink.open();
    const nodes = createInformer<Node & KubeObject>(
      client,
      RESOURCES.nodes,
      {},
      { signal, onError: (error) => log.debug({ error }, 'watch of nodes') },
    );
    let made: PodRoute[] = [];
    const reconciler = new Reconciler({
      workersMax: 1,
      signal,
      onError: (_, error) => log.warn({ error }, 'routes to pods'),
      async reconcile() {
        const wanted = podRoutes(nodes.list());
        const { add, remove } = routeChanges(wanted, made);
        for (const route of remove) await netlink.deleteRoute(route);
        for (const route of add) await netlink.replaceRoute(route);
        made = wanted;
        return { done: true };
      },
    });
    const changed = () => reconciler.add(EVERYTHING);
    nodes.on({ added: changed, updated: changed, deleted: changed });
    return {
      failed: neverFails,
      async stop() {
        netlink.close();
      },
    };
  },
});
