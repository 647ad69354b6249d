// Gives each node a range of pod addresses of its own.
import type { Node } from '../../../api/gen/types/core.v1.ts';
import { RESOURCES } from '../../../kit/client/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { account, type Controller, reconcilerOf } from '../controller.ts';
import { freeRange } from './ranges.ts';

export const nodeIpamController: Controller = {
  name: 'nodeipam',
  user: account('node-controller'),
  start(context, signal, ready) {
    const { clusterCIDR } = context.config;
    if (!clusterCIDR) return;
    const nodes = context.informers.of<Node>(RESOURCES.nodes);
    const events = context.events('cidrAllocator');
    /** Given but perhaps not in the cache yet, by node. */
    const given = new Map<string, string>();
    // One worker: a range is chosen by looking at all others.
    const queue = reconcilerOf(
      'nodeipam',
      context,
      signal,
      ready,
      async (name) => {
        const node = nodes.get(name);
        if (!node || node.spec?.podCIDR || node.metadata.deletionTimestamp) return done;
        const taken = new Set([
          ...given.values(),
          ...nodes.list().flatMap(({ spec }) => spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : [])),
        ]);
        const range = given.get(name) ?? freeRange(clusterCIDR, taken);
        if (!range) {
          events.record(
            { ...node, apiVersion: 'v1', kind: 'Node' },
            'Normal',
            'CIDRNotAvailable',
            `Node ${name} status is now: CIDRNotAvailable`,
          );
          return { retryAfterMs: 10_000 };
        }
        given.set(name, range);
        await context.client.patch(RESOURCES.nodes, name, 'strategic', {
          metadata: { uid: node.metadata.uid },
          spec: { podCIDR: range, podCIDRs: [range] },
        });
        return done;
      },
      1,
    );
    nodes.on({
      added: ({ metadata }) => queue.add(metadata.name ?? ''),
      updated: (_, node) => !node.spec?.podCIDR && queue.add(node.metadata.name ?? ''),
      deleted: ({ metadata }) => given.delete(metadata.name ?? ''),
    });
  },
};
