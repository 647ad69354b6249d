// How controllers find pods: by the uid of their controller, by node, by namespace, and those that nobody has.
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { controllerOf, type KubeObject, type Selector } from '../../../api/meta/index.ts';
import { type Informer, type InformerFactory, keyOf, RESOURCES } from '../../../kit/client/index.ts';

/** The shared pod cache with its indexes `owner`, `orphan`, `node` and `namespace`. */
export function indexPods(informers: InformerFactory): Informer<Pod> {
  const pods = informers.of<Pod>(RESOURCES.pods);
  pods.addIndex('owner', (pod) => {
    const uid = controllerOf(pod)?.uid;
    return uid ? [uid] : [];
  });
  pods.addIndex('orphan', (pod) => (controllerOf(pod) ? [] : [pod.metadata.namespace ?? '']));
  pods.addIndex('node', (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []));
  pods.addIndex('namespace', (pod) => [pod.metadata.namespace ?? '']);
  return pods;
}

/** Pods of the namespace without a controller. */
export const orphansOf = (pods: Informer<Pod>, namespace: string): Pod[] => pods.by('orphan', namespace);

/** Keys of the objects of `kind` that a change of the pod concerns: its controller's, or of those that may adopt it. */
function keysFor<T extends KubeObject>(pod: Pod, kind: string, owners: Informer<T>, selectorOf: (owner: T) => Selector): string[] {
  const controller = controllerOf(pod);
  if (controller) return controller.kind === kind ? [`${pod.metadata.namespace}/${controller.name}`] : [];
  const near = owners.by('namespace', pod.metadata.namespace ?? '');
  return near.filter((owner) => selectorOf(owner).matches(pod.metadata.labels)).map((owner) => keyOf(owner));
}

interface PodOwners<T extends KubeObject> {
  kind: string;
  owners: Informer<T>;
  selectorOf(owner: T): Selector;
}

/** Calls `add` with the keys of all owners that a change of a pod concerns: one that has lost it, too. */
export function followPods<T extends KubeObject>(pods: Informer<Pod>, options: PodOwners<T>, add: (key: string) => void): void {
  const { kind, owners, selectorOf } = options;
  owners.addIndex('namespace', (owner) => [owner.metadata.namespace ?? '']);
  const seen = (pod: Pod) => keysFor(pod, kind, owners, selectorOf).forEach(add);
  pods.on({
    added: seen,
    updated: (before, pod) => {
      if (controllerOf(before)?.uid !== controllerOf(pod)?.uid) seen(before);
      seen(pod);
    },
    deleted: seen,
  });
}
