// The pod's phase from the states of its containers. Pure.
import type { ContainerStatus, Pod, PodSpec } from '../../api/gen/types/core.v1.ts';
import { isSidecar } from '../../kit/pods/index.ts';
import { restarts } from './restart.ts';

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** What the containers' statuses say. `isOver`: nothing starts again, whatever the restart policy says (a deleted pod at its end). */
export function phaseOf(pod: Pod, statuses: readonly ContainerStatus[], initStatuses: readonly ContainerStatus[], isOver: boolean): Phase {
  const spec = pod.spec as PodSpec;
  const init = initPhase(pod, spec, initStatuses);
  const counts = { waiting: 0, running: 0, restarting: 0, succeeded: 0, failed: 0 };
  for (const container of spec.containers) {
    const status = statuses.find(({ name }) => name === container.name);
    const state = status?.state;
    if (state?.running) counts.running++;
    else if (state?.terminated) {
      if (!isOver && restarts(pod, container, state.terminated.exitCode, false)) counts.restarting++;
      else if (state.terminated.exitCode === 0) counts.succeeded++;
      else counts.failed++;
    } else if (status?.lastState?.terminated) counts.restarting++;
    else counts.waiting++;
  }
  if (init === 'failed') return 'Failed';
  const mainsHaveRun = counts.running + counts.restarting + counts.succeeded + counts.failed > 0;
  if (init === 'pending' && !mainsHaveRun) return 'Pending';
  if (counts.waiting > 0) return 'Pending';
  if (counts.running > 0 || counts.restarting > 0) return 'Running';
  return counts.failed > 0 ? 'Failed' : 'Succeeded';
}

function initPhase(pod: Pod, spec: PodSpec, statuses: readonly ContainerStatus[]): 'done' | 'pending' | 'failed' {
  for (const container of spec.initContainers ?? []) {
    const status = statuses.find(({ name }) => name === container.name);
    if (isSidecar(container)) {
      if (status?.started !== true && !status?.lastState?.terminated && !status?.state?.terminated) return 'pending';
      continue;
    }
    const ended = status?.state?.terminated;
    if (ended?.exitCode === 0) continue;
    if (ended && !restarts(pod, container, ended.exitCode, true)) return 'failed';
    return 'pending';
  }
  return 'done';
}
