// Removes pods that nobody else will: on nodes that are gone, or off and given up, deleted before they had a node, finished ones beyond a number.
import type { Node, Pod } from '../../../api/gen/types/core.v1.ts';
import { isStatusError } from '../../../api/meta/index.ts';
import { keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { isFinished } from '../../../kit/pods/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { account, type Controller, reconcilerOf } from '../controller.ts';
import { indexPods } from '../shared/pod-index.ts';
import { isGivenUp, isLost } from './given-up.ts';

/** A node that vanished may come back under its name for so long (upstream: 40 s). */
const QUARANTINE_MS = 40_000;
/** Finished pods that are kept (upstream's --terminated-pod-gc-threshold). */
const FINISHED_MAX = 12_500;

export const podGCController: Controller = {
  name: 'podgc',
  user: account('pod-garbage-collector'),
  start(context, signal, ready) {
    const { client, informers, clock } = context;
    const pods = indexPods(informers);
    const nodes = informers.of<Node>(RESOURCES.nodes);
    /** When a pod's node was first seen missing. */
    const missingSince = new Map<string, number>();

    async function remove(pod: Pod, orphaned: boolean): Promise<void> {
      const { name = '', namespace = '', uid = '' } = pod.metadata;
      try {
        if (!isFinished(pod)) {
          const conditions = orphaned
            ? [
                {
                  type: 'DisruptionTarget',
                  status: 'True',
                  reason: 'DeletionByPodGC',
                  message: 'PodGC: node no longer exists',
                  lastProbeTime: null,
                  lastTransitionTime: rfc3339(clock.nowMs()),
                  observedGeneration: pod.metadata.generation,
                },
              ]
            : [];
          await client.patch(
            RESOURCES.pods,
            name,
            'strategic',
            {
              metadata: { uid },
              status: { phase: 'Failed', observedGeneration: pod.metadata.generation, ...(conditions.length > 0 ? { conditions } : {}) },
            },
            { namespace, subresource: 'status' },
          );
        }
        await client.delete(RESOURCES.pods, name, { namespace, gracePeriodSeconds: 0, preconditions: { uid } });
      } catch (error) {
        if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
      }
    }

    const queue = reconcilerOf('podgc', context, signal, ready, async (key) => {
      const pod = pods.get(key);
      if (!pod) {
        missingSince.delete(key);
        return done;
      }
      const node = pod.spec?.nodeName;
      if (!node) {
        if (pod.metadata.deletionTimestamp) await remove(pod, false);
        return done;
      }
      const present = nodes.get(node);
      if (present) {
        missingSince.delete(key);
        if (isGivenUp(pod, present)) await remove(pod, false);
        return done;
      }
      const since = missingSince.get(key) ?? clock.nowMs();
      missingSince.set(key, since);
      const waitMs = since + QUARANTINE_MS - clock.nowMs();
      if (waitMs > 0) return { retryAfterMs: waitMs };
      const alive = await client.get(RESOURCES.nodes, node).catch((error: unknown) => {
        if (isStatusError(error, 'NotFound')) return undefined;
        throw error;
      });
      if (!alive) await remove(pod, true);
      return done;
    });

    const finished = reconcilerOf('podgc-finished', context, signal, ready, async () => {
      const all = pods.list().filter(isFinished);
      const surplus = all.length - FINISHED_MAX;
      if (surplus <= 0) return done;
      const oldest = all
        .sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1))
        .slice(0, surplus);
      for (const pod of oldest) await remove(pod, false);
      return done;
    });

    const seen = (pod: Pod) => {
      const node = nodes.get(pod.spec?.nodeName ?? '');
      const isNobodys = node ? isGivenUp(pod, node) : pod.spec?.nodeName || pod.metadata.deletionTimestamp;
      if (isNobodys) queue.add(keyOf(pod));
      if (isFinished(pod)) finished.add('all');
    };
    pods.on({ added: seen, updated: (_, pod) => seen(pod), deleted: (pod) => missingSince.delete(keyOf(pod)) });
    const judgePods = ({ metadata }: Node) => {
      for (const pod of pods.by('node', metadata.name ?? '')) queue.add(keyOf(pod));
    };
    const nodeSeen = (node: Node) => {
      if (isLost(node)) judgePods(node);
    };
    nodes.on({ added: nodeSeen, updated: (_, node) => nodeSeen(node), deleted: judgePods });
  },
};
