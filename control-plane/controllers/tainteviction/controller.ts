// Deletes pods whose node has a NoExecute taint that they do not tolerate, or no longer.
import type { Node, Pod } from '../../../api/gen/types/core.v1.ts';
import { deepEqual, isStatusError } from '../../../api/meta/index.ts';
import { keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { isFinished } from '../../../kit/pods/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { account, type Controller, reconcilerOf } from '../controller.ts';
import { indexPods } from '../shared/pod-index.ts';
import { staySeconds, taintedSinceMs } from './eviction.ts';

export const taintEvictionController: Controller = {
  name: 'tainteviction',
  user: account('node-controller'),
  start(context, signal, ready) {
    const { client, informers, clock } = context;
    const nodes = informers.of<Node>(RESOURCES.nodes);
    const pods = indexPods(informers);
    const events = context.events('taint-eviction-controller');
    /** Since when a pod is to go; kept while its node is tainted. */
    const since = new Map<string, number>();

    const queue = reconcilerOf('tainteviction', context, signal, ready, async (key) => {
      const pod = pods.get(key);
      const taints = nodes.get(pod?.spec?.nodeName ?? '')?.spec?.taints ?? [];
      const stay = pod ? staySeconds(taints, pod.spec?.tolerations ?? []) : undefined;
      if (!pod || pod.metadata.deletionTimestamp || isFinished(pod) || stay === undefined) {
        if (since.delete(key) && pod && !pod.metadata.deletionTimestamp)
          events.record(targetOf(pod), 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${key}`);
        return done;
      }
      const from = since.get(key) ?? taintedSinceMs(taints, clock.nowMs());
      since.set(key, from);
      const waitMs = from + stay * 1000 - clock.nowMs();
      if (stay > 0 && waitMs > 0) return { retryAfterMs: waitMs };
      await evict(pod);
      since.delete(key);
      return done;
    });

    async function evict(pod: Pod): Promise<void> {
      const { name = '', namespace = '', uid = '', generation } = pod.metadata;
      events.record(targetOf(pod), 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${keyOf(pod)}`);
      const condition = {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'DeletionByTaintManager',
        message: 'Taint manager: deleting due to NoExecute taint',
        lastProbeTime: null,
        lastTransitionTime: rfc3339(clock.nowMs()),
        observedGeneration: generation,
      };
      try {
        await client.patch(
          RESOURCES.pods,
          name,
          'strategic',
          { metadata: { uid }, status: { conditions: [condition] } },
          { namespace, subresource: 'status' },
        );
        await client.delete(RESOURCES.pods, name, { namespace, preconditions: { uid } });
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    }

    const nodeSeen = (node: Node) => {
      for (const pod of pods.by('node', node.metadata.name ?? '')) queue.add(keyOf(pod));
    };
    const podSeen = (pod: Pod) => {
      const tainted = nodes.get(pod.spec?.nodeName ?? '')?.spec?.taints?.some(({ effect }) => effect === 'NoExecute');
      if (tainted || since.has(keyOf(pod))) queue.add(keyOf(pod));
    };
    nodes.on({ added: nodeSeen, updated: (before, node) => !deepEqual(before.spec?.taints, node.spec?.taints) && nodeSeen(node) });
    pods.on({ added: podSeen, updated: (_, pod) => podSeen(pod), deleted: podSeen });
  },
};

const targetOf = (pod: Pod) => ({ apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata });
