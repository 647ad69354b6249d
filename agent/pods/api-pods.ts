// Pods of the API as their node takes them. Pure.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { mirroredUid } from '../static/index.ts';

const SOURCE = 'kubernetes.io/config.source';

/** Whoever makes a pod in the API cannot say that it is one of a file, which nothing may drive out. */
export function ofApi<T extends Pod>(pod: T): T {
  const annotations = pod.metadata.annotations ?? {};
  if ((annotations[SOURCE] ?? 'api') === 'api') return pod;
  return { ...pod, metadata: { ...pod.metadata, annotations: { ...annotations, [SOURCE]: 'api' } } };
}

/** Under the uid that the runtime knows: a mirror's own is the API's alone. */
export function ownOf(pod: Pod): Pod {
  const uid = mirroredUid(pod);
  return uid === undefined ? ofApi(pod) : { ...pod, metadata: { ...pod.metadata, uid } };
}
