// Tells kubelets how long they may keep Secrets and ConfigMaps: longer in larger clusters.
import type { Node } from '../../../api/gen/types/core.v1.ts';
import { RESOURCES } from '../../../kit/client/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { account, type Controller, reconcilerOf } from '../controller.ts';

const ANNOTATION = 'node.alpha.kubernetes.io/ttl';

/** Seconds, by the number of nodes (upstream's steps). */
function ttlSeconds(nodes: number): number {
  if (nodes <= 100) return 0;
  if (nodes <= 500) return 15;
  if (nodes <= 1000) return 30;
  return nodes <= 2000 ? 60 : 300;
}

export const ttlController: Controller = {
  name: 'ttl',
  user: account('ttl-controller'),
  start(context, signal, ready) {
    const nodes = context.informers.of<Node>(RESOURCES.nodes);
    const queue = reconcilerOf('ttl', context, signal, ready, async (name) => {
      const node = nodes.get(name);
      const value = String(ttlSeconds(nodes.list().length));
      if (!node || node.metadata.annotations?.[ANNOTATION] === value) return done;
      await context.client.patch(RESOURCES.nodes, name, 'merge', { metadata: { annotations: { [ANNOTATION]: value } } });
      return done;
    });
    const seen = ({ metadata }: Node) => queue.add(metadata.name ?? '');
    nodes.on({ added: seen, updated: (_, node) => node.metadata.annotations?.[ANNOTATION] === undefined && seen(node) });
  },
};
