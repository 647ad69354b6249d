// The end of a deleted pod: nothing of it is left on the node, then it leaves the API.
import { rm } from 'node:fs/promises';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { isStatusError } from '../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../kit/client/index.ts';
import { backoffMs, type Clock, type Logger, step } from '../../kit/run/index.ts';
import type { Cri } from '../cri/index.ts';
import type { Volumes } from '../volumes/index.ts';
import { podText } from './names.ts';
import { podLogFolder } from './sandbox-config.ts';

export interface RemovalTools {
  cri: Cri;
  volumes: Volumes;
  client: Client;
  clock: Clock;
  log: Logger;
  logDir: string;
  signal: AbortSignal;
}

/** Sandboxes, volumes, folder and logs. Safe to repeat. */
export async function removeFromNode(tools: RemovalTools, pod: Pod, sandboxIds: readonly string[]): Promise<void> {
  for (const id of sandboxIds) await tools.cri.removePodSandbox(id);
  await step('pod.remove-folder', () => tools.volumes.teardown(pod.metadata.uid ?? ''));
  await step('pod.remove-logs', () => rm(podLogFolder(tools.logDir, pod), { recursive: true, force: true }));
}

/** Tries until the server has taken it, `isGone` or the agent stops. */
export async function removeFromApi(tools: RemovalTools, pod: Pod, isGone: () => boolean): Promise<void> {
  const { name = '', namespace = '', uid } = pod.metadata;
  const params = { namespace, gracePeriodSeconds: 0, ...(uid ? { preconditions: { uid } } : {}) };
  for (let failures = 0; !isGone() && !tools.signal.aborted; ) {
    try {
      await step('pod.api-deletion', () => tools.client.delete(RESOURCES.pods, name, params));
      return;
    } catch (error) {
      if (isStatusError(error, 'NotFound') || isStatusError(error, 'Conflict')) return; // gone, or another pod of that name
      tools.log.debug({ err: error, pod: podText(pod) }, 'pod not deleted from the API');
      await tools.clock.sleep(backoffMs(++failures, 50, 5000), tools.signal).catch(() => {});
    }
  }
}
