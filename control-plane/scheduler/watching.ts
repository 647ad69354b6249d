// From changes of objects to the scheduler's picture and its waiting pods.
import type { Node, Pod } from '../../api/gen/types/core.v1.ts';
import { deepEqual } from '../../api/meta/index.ts';
import { type InformerFactory, RESOURCES } from '../../kit/client/index.ts';
import { isFinished } from '../../kit/pods/index.ts';
import type { Cluster } from './cluster.ts';
import { podInfoOf } from './pod-info.ts';
import type { Scheduler } from './scheduler.ts';

export const SCHEDULER_NAME = 'default-scheduler';

/** What says where a pod's volumes can be. */
const VOLUME_RESOURCES = [
  RESOURCES.persistentvolumeclaims,
  RESOURCES.persistentvolumes,
  RESOURCES.storageclasses,
  RESOURCES.csinodes,
  RESOURCES.csidrivers,
  RESOURCES.csistoragecapacities,
  RESOURCES.volumeattachments,
];

/** Whether the pod is ours to place. */
function isWaiting(pod: Pod): boolean {
  const { spec, metadata } = pod;
  return (
    !spec?.nodeName &&
    spec?.schedulerName === SCHEDULER_NAME &&
    !metadata.deletionTimestamp &&
    !spec.schedulingGates?.length &&
    !isFinished(pod)
  );
}

/** What a node is for the scheduler: its heartbeats are not. */
const nodeChanged = (before: Node, after: Node): boolean =>
  !deepEqual(before.spec, after.spec) ||
  !deepEqual(before.metadata.labels, after.metadata.labels) ||
  !deepEqual(before.status?.allocatable, after.status?.allocatable) ||
  !deepEqual(before.status?.images, after.status?.images);

const samePod = (before: Pod, after: Pod): boolean =>
  before.metadata.deletionTimestamp === after.metadata.deletionTimestamp &&
  deepEqual(before.metadata.labels, after.metadata.labels) &&
  deepEqual(before.spec, after.spec);

/** Subscribes; returns how to end it. */
export function watch(informers: InformerFactory, cluster: Cluster, scheduler: Scheduler): () => void {
  const podSeen = (pod: Pod, before: Pod | undefined): void => {
    const uid = pod.metadata.uid ?? '';
    const node = pod.spec?.nodeName;
    if (node && !isFinished(pod)) {
      const known = cluster.nodeOf(uid) === node;
      if (known && before && samePod(before, pod)) return;
      scheduler.remove(uid);
      cluster.setPod(pod, node);
      if (!known || !deepEqual(before?.metadata.labels, pod.metadata.labels)) scheduler.happened('pod-new');
      return;
    }
    if (isWaiting(pod)) {
      // Assumed on a node: the binding is on its way. Its own conditions do not make a pod worth another try.
      if (cluster.nodeOf(uid) === undefined && !(before && isWaiting(before) && samePod(before, pod))) scheduler.add(podInfoOf(pod));
      return;
    }
    podGone(pod);
  };
  const podGone = (pod: Pod): void => {
    const uid = pod.metadata.uid ?? '';
    scheduler.remove(uid);
    if (cluster.nodeOf(uid) === undefined) return;
    cluster.removePod(uid);
    scheduler.happened('pod-gone');
  };
  const nodeSeen = (node: Node, before?: Node): void => {
    if (before && !nodeChanged(before, node)) return;
    cluster.setNode(node);
    scheduler.happened('node');
  };
  /** A domain fewer: pods may be spread otherwise. */
  const nodeGone = (node: Node): void => {
    cluster.removeNode(node.metadata.name ?? '');
    scheduler.happened('node');
  };
  const volumeSeen = (): void => scheduler.happened('volume');
  const ends = [
    informers.of<Node>(RESOURCES.nodes).on({
      added: nodeSeen,
      updated: (before, node) => nodeSeen(node, before),
      deleted: nodeGone,
    }),
    informers
      .of<Pod>(RESOURCES.pods)
      .on({ added: (pod) => podSeen(pod, undefined), updated: (before, pod) => podSeen(pod, before), deleted: podGone }),
    ...VOLUME_RESOURCES.map((resource) => informers.of(resource).on({ added: volumeSeen, updated: volumeSeen, deleted: volumeSeen })),
  ];
  return () => {
    for (const end of ends) end();
  };
}
