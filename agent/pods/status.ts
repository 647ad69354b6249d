// The whole status of a pod as its node reports it. Pure: the pod, what the CRI and the probes say, and what was reported before.
import type { Pod, PodCondition, PodStatus } from '../../api/gen/types/core.v1.ts';
import { addQuantities, parseQuantity, type Quantity, quantityText } from '../../api/meta/index.ts';
import { isFinalPhase, sidecarsOf } from '../../kit/pods/index.ts';
import { rfc3339 } from '../../kit/run/index.ts';
import type { PodSandboxStatus } from '../cri/index.ts';
import { conditionsOf } from './conditions.ts';
import { type ContainerFacts, containerStatuses } from './container-statuses.ts';
import { type Phase, phaseOf } from './phase.ts';
import { qosClass } from './qos.ts';
import { ofFormerLife } from './restart-all.ts';
import { newest } from './step.ts';

export interface StatusFacts extends Omit<ContainerFacts, 'before' | 'runtime' | 'messageBytesMax'> {
  sandbox: PodSandboxStatus | undefined;
  hostIP: string;
  nowMs: number;
  /** The node's first look at the pod. */
  seenMs: number;
  /** All has ended and its network is gone: only then may the phase say so. */
  finished: boolean;
  /** Decided by the node against the pod: deadline, eviction, refusal. Reported once nothing of the pod runs any more. */
  verdict: { reason: string; message: string; disrupts?: string; refused?: boolean } | undefined;
  /** Conditions of a resize that waits or is under way. */
  resize: readonly Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>[];
}

const RUNTIME_NAME = 'wherry';
/** Of all termination messages of a pod. */
const MESSAGES_BYTES_MAX = 12 * 1024;

export function podStatus(pod: Pod, facts: StatusFacts): PodStatus {
  const before = pod.status ?? {};
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const messageBytesMax = Math.floor(
    MESSAGES_BYTES_MAX / Math.max(1, containers.length + initContainers.length + ephemeralContainers.length),
  );
  const of = (statuses: PodStatus['containerStatuses']) => ({ ...facts, messageBytesMax, before: statuses ?? [], runtime: RUNTIME_NAME });
  const statuses = containerStatuses(pod, containers, false, of(before.containerStatuses));
  const initStatuses = containerStatuses(pod, initContainers, true, of(before.initContainerStatuses));
  const ephemeralStatuses = containerStatuses(pod, ephemeralContainers, false, of(before.ephemeralContainerStatuses)).map(
    ({ started: _, ...status }) => status, // upstream leaves it out for these
  );
  const former = ofFormerLife(pod, facts.records);
  const startingOver = !facts.finished && former.some((record) => record === newest(facts.records, record.metadata.name));
  const seen: Phase = facts.verdict ? 'Failed' : startingOver ? 'Running' : phaseOf(pod, statuses, initStatuses, facts.finished);
  const hasNetwork = facts.sandbox?.state === 'ready';
  const ips = facts.sandbox ? (pod.spec?.hostNetwork ? [facts.hostIP] : facts.sandbox.ips) : [];
  const podIPs = ips.length > 0 ? ips.map((ip) => ({ ip })) : (before.podIPs ?? []);
  return {
    ...before,
    observedGeneration: pod.metadata.generation ?? 0,
    phase: reportable(seen, before.phase, facts.finished),
    conditions: conditionsOf(pod, {
      phase: seen,
      statuses,
      initStatuses,
      hasNetwork,
      nowMs: facts.nowMs,
      before: facts.verdict?.disrupts ? disrupted(pod, facts.verdict.disrupts, facts.nowMs) : (before.conditions ?? []),
      resize: facts.resize,
      startingOver,
    }),
    ...(facts.verdict && facts.finished ? { reason: facts.verdict.reason, message: facts.verdict.message } : {}),
    startTime: before.startTime ?? rfc3339(facts.seenMs),
    qosClass: before.qosClass ?? qosClass(pod),
    // Of a pod that was never let in there is nothing more to tell; clients show the reason only where no container waits.
    ...(facts.verdict?.refused
      ? {}
      : {
          hostIP: facts.hostIP,
          hostIPs: [{ ip: facts.hostIP }],
          ...(podIPs[0] ? { podIP: podIPs[0].ip, podIPs } : {}),
          containerStatuses: statuses,
          ...(initStatuses.length > 0 ? { initContainerStatuses: initStatuses } : {}),
          ...(ephemeralStatuses.length > 0 ? { ephemeralContainerStatuses: ephemeralStatuses } : {}),
          ...allocated(pod),
          resources:
            (facts.resize.some(({ type }) => type === 'PodResizeInProgress') ? before.resources : undefined) ?? pod.spec?.resources ?? {},
        }),
  };
}

/** The pod's conditions, with the one by which controllers know that the pod itself did nothing wrong. */
function disrupted({ metadata, status }: Pod, message: string, nowMs: number): PodCondition[] {
  const before = status?.conditions ?? [];
  if (before.some(({ type, status: is }) => type === 'DisruptionTarget' && is === 'True')) return before;
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'TerminationByKubelet',
    message,
    lastProbeTime: null as unknown as string,
    lastTransitionTime: rfc3339(nowMs),
    observedGeneration: metadata.generation ?? 0,
  };
  return [...before.filter(({ type }) => type !== 'DisruptionTarget'), condition];
}

/** What the node has set aside: the pod's own request, else the sum of its containers'. */
function allocated(pod: Pod): { allocatedResources?: Record<string, string> } {
  const sidecars = sidecarsOf(pod);
  const total = new Map<string, Quantity>();
  for (const { resources } of [...(pod.spec?.containers ?? []), ...sidecars])
    for (const [name, text] of Object.entries(resources?.requests ?? {})) {
      const before = total.get(name);
      total.set(name, before ? addQuantities(before, parseQuantity(text)) : parseQuantity(text));
    }
  const sums = Object.fromEntries([...total].map(([name, quantity]) => [name, quantityText(quantity)]));
  const all = { ...sums, ...pod.spec?.resources?.requests };
  return Object.keys(all).length > 0 ? { allocatedResources: all } : {};
}

/** An end is told only once everything is gone, and is never taken back; neither is Running. */
function reportable(seen: Phase, before: string | undefined, finished: boolean): Phase {
  if (isFinalPhase(before)) return before as Phase;
  if (isFinalPhase(seen) && !finished)
    return before === undefined || before === 'Pending' ? (seen === 'Failed' ? 'Pending' : 'Running') : 'Running';
  if (seen === 'Pending' && before === 'Running') return 'Running';
  return seen;
}
