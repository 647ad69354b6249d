// The pod of a DaemonSet on one node, and whether a node should have one. Pure.
import type { DaemonSet } from '../../../api/gen/types/apps.v1.ts';
import type { Node, NodeSelectorTerm, Pod, PodSpec, PodTemplateSpec, Toleration } from '../../../api/gen/types/core.v1.ts';
import { controllerReference, type KubeObject } from '../../../api/meta/index.ts';
import { namesOnlyOf, requiredOf, untolerated } from '../../../kit/placement/index.ts';
import { REVISION_HASH } from '../shared/history.ts';

const GENERATION = 'deprecated.daemonset.template.generation';
const GENERATION_LABEL = 'pod-template-generation';

const exists = (key: string, effect: string): Toleration => ({ key: `node.kubernetes.io/${key}`, operator: 'Exists', effect });

/** Daemons stay where others must go. */
const TOLERATIONS: readonly Toleration[] = [
  exists('not-ready', 'NoExecute'),
  exists('unreachable', 'NoExecute'),
  exists('disk-pressure', 'NoSchedule'),
  exists('memory-pressure', 'NoSchedule'),
  exists('pid-pressure', 'NoSchedule'),
  exists('unschedulable', 'NoSchedule'),
];

function withTolerations(spec: PodSpec): Toleration[] {
  const tolerations = [...(spec.tolerations ?? [])];
  const wanted = spec.hostNetwork ? [...TOLERATIONS, exists('network-unavailable', 'NoSchedule')] : TOLERATIONS;
  for (const toleration of wanted) {
    const at = tolerations.findIndex(
      ({ key, effect, operator = 'Equal' }) => key === toleration.key && effect === toleration.effect && operator === toleration.operator,
    );
    if (at < 0) tolerations.push(toleration);
  }
  return tolerations;
}

/** Pinned to its node by name; other terms of its node affinity are replaced, as upstream does. */
export function daemonPod(set: DaemonSet, node: string, hash: string): object {
  const template = set.spec?.template as PodTemplateSpec;
  const spec = template.spec as PodSpec;
  const term: NodeSelectorTerm = { matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] };
  const nodeAffinity = { ...spec.affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } };
  const generation = set.metadata.annotations?.[GENERATION];
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${set.metadata.name}-`,
      namespace: set.metadata.namespace,
      labels: { ...labels, ...(generation ? { [GENERATION_LABEL]: generation } : {}), [REVISION_HASH]: hash },
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [controllerReference(set as KubeObject)],
    },
    spec: { ...spec, affinity: { ...spec.affinity, nodeAffinity }, tolerations: withTolerations(spec) },
  };
}

/** The node on which a daemon pod is, or for which it was made. */
export const nodeOf = (pod: Pod): string | undefined => pod.spec?.nodeName || [...(namesOnlyOf(pod) ?? [])][0];

/** `run`: a pod should be made; `stay`: one that is there may stay. */
export function fitsNode(set: DaemonSet, node: Node): { run: boolean; stay: boolean } {
  const template = set.spec?.template as PodTemplateSpec;
  const spec = template.spec as PodSpec;
  const matches = requiredOf({ metadata: {}, spec })?.(node) ?? true;
  if (!matches || (spec.nodeName && spec.nodeName !== node.metadata.name)) return { run: false, stay: false };
  const taints = node.spec?.taints ?? [];
  const tolerations = withTolerations(spec);
  if (!untolerated(taints, tolerations, ['NoSchedule', 'NoExecute'])) return { run: true, stay: true };
  return { run: false, stay: !untolerated(taints, tolerations, ['NoExecute']) };
}

export const isUpdated = (pod: Pod, set: DaemonSet, hash: string): boolean => {
  const generation = set.metadata.annotations?.[GENERATION];
  return (
    pod.metadata.labels?.[REVISION_HASH] === hash || (generation !== undefined && pod.metadata.labels?.[GENERATION_LABEL] === generation)
  );
};
