// RestartAllContainers: an exit that matches such a rule ends everything in the pod and starts it over, init containers too. Pure.
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import type { ContainerStatus } from '../cri/index.ts';
import { matchingRule } from './restart.ts';

const ACTION = 'RestartAllContainers';

const containersOf = (pod: Pod): Container[] => [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];

/** One of the pod's containers has such a rule. */
export const canRestartAll = (pod: Pod): boolean =>
  containersOf(pod).some(({ restartPolicyRules }) => restartPolicyRules?.some(({ action }) => action === ACTION));

/** When the pod was last told to start over: what was made before counts no longer. */
function startedOverAtMs(pod: Pod, records: readonly ContainerStatus[]): number | undefined {
  if (!canRestartAll(pod)) return undefined;
  const times: number[] = [];
  for (const { metadata, state, exitCode, finishedAtMs } of records) {
    const container = state === 'exited' ? containersOf(pod).find(({ name }) => name === metadata.name) : undefined;
    if (!container || matchingRule(container, exitCode)?.action !== ACTION) continue;
    const firstLife = metadata.attempt === 0 ? firstStarts(pod, container, records) : [];
    if (firstLife) times.push(Math.max(finishedAtMs, ...firstLife));
  }
  return times.length > 0 ? Math.max(...times) : undefined;
}

/** Main containers start together, so an exit right after the first start ends those too that followed; undefined: they are still to come. */
function firstStarts(pod: Pod, ended: Container, records: readonly ContainerStatus[]): number[] | undefined {
  const mains = pod.spec?.containers ?? [];
  if (!mains.includes(ended)) return [];
  const firsts = mains.flatMap(({ name }) => records.filter(({ metadata }) => metadata.name === name && metadata.attempt === 0));
  return firsts.length === mains.length ? firsts.map(({ createdAtMs }) => createdAtMs) : undefined;
}

/** Records of the life that was ended by the last such exit. */
export function ofFormerLife(pod: Pod, records: readonly ContainerStatus[]): ContainerStatus[] {
  const atMs = startedOverAtMs(pod, records);
  return atMs === undefined ? [] : records.filter(({ createdAtMs }) => createdAtMs <= atMs);
}
