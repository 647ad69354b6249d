// The pull secrets of a pod, as the API has them now.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { PodEvents } from './pod-events.ts';

export type SecretData = Readonly<Record<string, string>>;

/** What of them can be had; an event names the others, as kubelet's does: the image may be free for all. */
export async function pullSecrets(
  pod: Pod,
  read: (name: string) => Promise<SecretData | undefined>,
  events: PodEvents,
): Promise<SecretData[]> {
  const found: SecretData[] = [];
  const missing: string[] = [];
  for (const { name } of pod.spec?.imagePullSecrets ?? []) {
    if (!name) continue;
    const data = await read(name).catch(() => undefined);
    if (data) found.push(data);
    else missing.push(name);
  }
  if (missing.length > 0) {
    const message = `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`;
    events.pod(pod, 'Warning', 'FailedToRetrieveImagePullSecret', message);
  }
  return found;
}
