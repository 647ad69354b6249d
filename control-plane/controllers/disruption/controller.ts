// Keeps the status of disruption budgets, from which evictions take.
import type { ReplicaSet, StatefulSet } from '../../../api/gen/types/apps.v1.ts';
import type { Pod, ReplicationController } from '../../../api/gen/types/core.v1.ts';
import type { PodDisruptionBudget } from '../../../api/gen/types/policy.v1.ts';
import { controllerOf, type KubeObject, selectorFrom, semanticEqual } from '../../../api/meta/index.ts';
import { keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { account, type Controller, reconcilerOf } from '../controller.ts';
import { indexPods } from '../shared/pod-index.ts';
import { needsScale, nextExpiryMs, statusOf } from './status.ts';

export const disruptionController: Controller = {
  name: 'disruption',
  user: account('disruption-controller'),
  start(context, signal, ready) {
    const { client, informers, clock } = context;
    const budgets = informers.of<PodDisruptionBudget>(RESOURCES.poddisruptionbudgets);
    const pods = indexPods(informers);
    const owners: Readonly<Record<string, { get(key: string): ReplicaSet | StatefulSet | ReplicationController | undefined }>> = {
      ReplicaSet: informers.of<ReplicaSet>(RESOURCES.replicasets),
      StatefulSet: informers.of<StatefulSet>(RESOURCES.statefulsets),
      ReplicationController: informers.of<ReplicationController>(RESOURCES.replicationcontrollers),
    };
    const deployments = informers.of(RESOURCES.deployments);
    const events = context.events('controllermanager');
    budgets.addIndex('namespace', ({ metadata }) => [metadata.namespace ?? '']);

    /** Sizes of the pods' owners, each once; a ReplicaSet stands for its Deployment. */
    function expectedOf(matching: readonly Pod[]): { expected: number; unmanaged: Pod[] } {
      const sizes = new Map<string, number>();
      const unmanaged: Pod[] = [];
      for (const pod of matching) {
        const reference = controllerOf(pod);
        const owner = reference && owners[reference.kind]?.get(`${pod.metadata.namespace}/${reference.name}`);
        if (!reference || !owner) {
          unmanaged.push(pod);
          continue;
        }
        const above = controllerOf(owner);
        const deployment = above?.kind === 'Deployment' ? deployments.get(`${pod.metadata.namespace}/${above.name}`) : undefined;
        const { metadata, spec } = deployment ?? owner;
        sizes.set(metadata.uid ?? '', spec?.replicas ?? 1);
      }
      return { expected: [...sizes.values()].reduce((sum, size) => sum + size, 0), unmanaged };
    }

    const queue = reconcilerOf('disruption', context, signal, ready, async (key) => {
      const budget = budgets.get(key);
      if (!budget) return done;
      const target = { ...budget, apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' } as KubeObject;
      const selector = selectorFrom(budget.spec?.selector);
      const matching = pods.by('namespace', budget.metadata.namespace ?? '').filter((pod) => selector.matches(pod.metadata.labels));
      if (matching.length === 0) events.record(target, 'Normal', 'NoPods', 'No matching pods found');
      const { expected, unmanaged } = needsScale(budget) ? expectedOf(matching) : { expected: matching.length, unmanaged: [] };
      if (unmanaged.length > 0) {
        const names = Object.entries(budget.spec?.selector?.matchLabels ?? {}).map(([label, value]) => `${label}: ${value},`);
        const text = `&LabelSelector{MatchLabels:map[string]string{${names.join('')}},MatchExpressions:[]LabelSelectorRequirement{},}`;
        events.record(
          target,
          'Warning',
          'UnmanagedPods',
          `Pods selected by this PodDisruptionBudget (selector: ${text}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`,
        );
      }
      const nowMs = clock.nowMs();
      const status = statusOf(budget, matching, expected, nowMs);
      if (!semanticEqual(status, budget.status))
        await client.update(RESOURCES.poddisruptionbudgets, { ...target, status }, { subresource: 'status' });
      const expiryMs = nextExpiryMs(status, nowMs);
      return expiryMs === undefined ? done : { retryAfterMs: expiryMs };
    });

    const podSeen = (pod: Pod) => {
      for (const budget of budgets.by('namespace', pod.metadata.namespace ?? ''))
        if (selectorFrom(budget.spec?.selector).matches(pod.metadata.labels)) queue.add(keyOf(budget));
    };
    const seen = (budget: PodDisruptionBudget) => queue.add(keyOf(budget));
    budgets.on({ added: seen, updated: (_, budget) => seen(budget) });
    pods.on({
      added: podSeen,
      updated: (before, pod) => {
        podSeen(before);
        podSeen(pod);
      },
      deleted: podSeen,
    });
    const scaled = (before: KubeObject, after: KubeObject) => {
      if (before['spec']?.replicas === after['spec']?.replicas) return;
      for (const budget of budgets.by('namespace', after.metadata.namespace ?? '')) queue.add(keyOf(budget));
    };
    for (const resource of [RESOURCES.deployments, RESOURCES.replicasets, RESOURCES.statefulsets, RESOURCES.replicationcontrollers])
      informers.of(resource).on({ updated: scaled });
  },
};
