// What `kubectl get pods` shows.
import type { Container, ContainerStatus, Pod } from '../../../gen/types/core.v1.ts';
import { ageColumn, nameColumn, since, string } from '../../columns.ts';
import type { Column } from '../../kind.ts';

interface Summary {
  ready: string;
  status: string;
  restarts: number;
  /** Time of the last restart, if known. */
  restartedAt: string;
}

const cell = (name: string, of: (pod: Pod, nowMs: number) => string, wide = false): Column =>
  string(name, (object, nowMs) => of(object as unknown as Pod, nowMs), wide);

export const podColumns: readonly Column[] = [
  nameColumn,
  cell('Ready', (pod) => summary(pod).ready),
  cell('Status', (pod) => summary(pod).status),
  cell('Restarts', (pod, nowMs) => {
    const { restarts, restartedAt } = summary(pod);
    return restarts !== 0 && restartedAt !== '' ? `${restarts} (${since(restartedAt, nowMs)} ago)` : String(restarts);
  }),
  ageColumn,
  cell('IP', (pod) => pod.status?.podIPs?.[0]?.ip || '<none>', true),
  cell('Node', (pod) => pod.spec?.nodeName || '<none>', true),
  cell('Nominated Node', (pod) => pod.status?.nominatedNodeName || '<none>', true),
  cell('Readiness Gates', readinessGates, true),
];

let lastPod: Pod | undefined;
let lastSummary: Summary | undefined;

/** Three columns ask for the same pod one after the other. */
function summary(pod: Pod): Summary {
  if (lastPod !== pod || !lastSummary) {
    lastSummary = summarise(pod);
    lastPod = pod;
  }
  return lastSummary;
}

const hasCondition = (pod: Pod, type: string): boolean =>
  (pod.status?.conditions ?? []).some((condition) => condition.type === type && condition.status === 'True');

const isSidecar = (container: Container | undefined): boolean => container?.restartPolicy === 'Always';

const later = (a: string, status: ContainerStatus): string => {
  const finished = status.lastState?.terminated?.finishedAt ?? '';
  return finished > a ? finished : a;
};

/** One word for the pod, its ready containers and its restarts. */
function summarise(pod: Pod): Summary {
  const spec = pod.spec;
  const status = pod.status ?? {};
  const inits = new Map((spec?.initContainers ?? []).map((container) => [container.name, container]));
  const sidecars = [...inits.values()].filter(isSidecar).length;
  const total = (spec?.containers ?? []).length + sidecars;
  const gated = (status.conditions ?? []).some((condition) => condition.type === 'PodScheduled' && condition.reason === 'SchedulingGated');
  let reason = gated ? 'SchedulingGated' : status.reason || status.phase || '';
  const init = initSummary(pod, inits);
  let { ready, restarts, restartedAt } = init;
  if (init.reason !== '') reason = init.reason;
  if (init.reason === '' || hasCondition(pod, 'Initialized')) {
    const running = runningSummary(pod, reason);
    reason = running.reason;
    ready += running.ready;
    restarts = init.sidecarRestarts + running.restarts;
    restartedAt = [running.restartedAt, init.sidecarRestartedAt].sort()[1]!;
  }
  if (pod.metadata.deletionTimestamp) {
    if (status.reason === 'NodeLost') reason = 'Unknown';
    else if (status.phase !== 'Succeeded' && status.phase !== 'Failed') reason = 'Terminating';
  }
  return { ready: `${ready}/${total}`, status: reason, restarts, restartedAt };
}

/** `reason` is empty when no init container holds the pod up. */
function initSummary(pod: Pod, inits: Map<string, Container>) {
  const out = { reason: '', ready: 0, restarts: 0, restartedAt: '', sidecarRestarts: 0, sidecarRestartedAt: '' };
  const statuses = pod.status?.initContainerStatuses ?? [];
  for (const [at, status] of statuses.entries()) {
    const sidecar = isSidecar(inits.get(status.name));
    out.restarts += status.restartCount;
    out.restartedAt = later(out.restartedAt, status);
    if (sidecar) {
      out.sidecarRestarts += status.restartCount;
      out.sidecarRestartedAt = later(out.sidecarRestartedAt, status);
    }
    const terminated = status.state?.terminated;
    const waiting = status.state?.waiting?.reason;
    if (terminated && (terminated.exitCode ?? 0) === 0) continue;
    if (sidecar && status.started) {
      if (status.ready) out.ready++;
      continue;
    }
    if (terminated)
      out.reason = `Init:${terminated.reason || (terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`)}`;
    else if (waiting && waiting !== 'PodInitializing') out.reason = `Init:${waiting}`;
    else out.reason = `Init:${at}/${(pod.spec?.initContainers ?? []).length}`;
    break;
  }
  return out;
}

function runningSummary(pod: Pod, before: string) {
  const out = { reason: before, ready: 0, restarts: 0, restartedAt: '' };
  let running = false;
  let failure = '';
  for (const status of (pod.status?.containerStatuses ?? []).toReversed()) {
    out.restarts += status.restartCount;
    out.restartedAt = later(out.restartedAt, status);
    const terminated = status.state?.terminated;
    if (status.state?.waiting?.reason) out.reason = status.state.waiting.reason;
    else if (terminated) {
      out.reason = terminated.reason || (terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`);
      if (terminated.exitCode) failure = out.reason;
    } else if (status.ready && status.state?.running) {
      running = true;
      out.ready++;
    }
  }
  if (out.reason === 'Completed') {
    if (running && hasCondition(pod, 'Ready')) out.reason = 'Running';
    else if (failure !== '') out.reason = failure;
    else if (running) out.reason = 'NotReady';
  }
  return out;
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  return `${gates.filter((gate) => hasCondition(pod, gate.conditionType)).length}/${gates.length}`;
}
