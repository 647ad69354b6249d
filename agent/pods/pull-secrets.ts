// The pull secrets of a pod, as the API has them now.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { PullSecret } from '../cri/index.ts';
import type { ObjectCache } from '../volumes/index.ts';
import type { PodEvents } from './pod-events.ts';

/** Those that can be read; an event names the others, as kubelet's does: the image may be free for all. */
export async function pullSecrets(objects: Pick<ObjectCache, 'get'>, pod: Pod, events: PodEvents): Promise<PullSecret[]> {
  const { namespace = '', uid = '' } = pod.metadata;
  const found: PullSecret[] = [];
  const missing: string[] = [];
  for (const { name } of pod.spec?.imagePullSecrets ?? []) {
    if (!name) continue;
    const secret = await objects.get('secrets', namespace, name, uid).catch(() => undefined);
    if (secret) found.push({ uid: secret.metadata.uid ?? '', namespace, name, data: secret['data'] ?? {} });
    else missing.push(name);
  }
  if (missing.length > 0) {
    const message = `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`;
    events.pod(pod, 'Warning', 'FailedToRetrieveImagePullSecret', message);
  }
  return found;
}
