// The container that a request means, among the CRI's records of the pod.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { everyContainer } from '../../kit/pods/index.ts';
import type { ContainerStatus, Cri } from '../cri/index.ts';
import type { UsageSources } from '../stats/index.ts';
import { HttpError } from './http-error.ts';

export interface PodSource {
  get(namespace: string, name: string): Pod | undefined;
  list(): Pod[];
  /** How the last ones started: what /debug/starts shows. */
  starts(): readonly object[];
  drivenVolumes: UsageSources['drivenVolumes'];
}

/** Whether the pod is to have it, of whatever kind. */
export const hasContainer = (pod: Pod, name: string): boolean => everyContainer(pod).some((one) => one.name === name);

/** Newest attempt first. @throws HttpError 404 when the pod is not here */
export async function recordsOf(
  cri: Cri,
  pods: PodSource,
  namespace: string,
  podName: string,
  container: string,
): Promise<{ pod: Pod; records: ContainerStatus[] }> {
  const pod = pods.get(namespace, podName);
  if (!pod) throw new HttpError(404, 'pod does not exist');
  const found = await cri.listContainers({
    labels: { 'io.kubernetes.pod.uid': pod.metadata.uid ?? '', 'io.kubernetes.container.name': container },
  });
  return { pod, records: found.sort((a, b) => b.metadata.attempt - a.metadata.attempt) };
}

/** @throws HttpError 404 with the text that kubectl shows */
export async function runningContainer(
  cri: Cri,
  pods: PodSource,
  namespace: string,
  podName: string,
  container: string,
): Promise<ContainerStatus> {
  const { records } = await recordsOf(cri, pods, namespace, podName, container);
  const running = records.find(({ state }) => state === 'running');
  if (!running) throw new HttpError(404, `container not found ("${container}")`);
  return running;
}
