// How controllers find pods: by the uid of their controller, by node, by namespace, and those that nobody has.
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { controllerOf } from '../../../api/meta/index.ts';
import { type Informer, type InformerFactory, RESOURCES } from '../../../kit/client/index.ts';

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
