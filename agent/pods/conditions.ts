// The conditions of a pod that its node decides, with upstream's reasons and sentences. Pure.
import type { ContainerStatus, Pod, PodCondition } from '../../api/gen/types/core.v1.ts';
import { isSidecar, sidecarsOf } from '../../kit/pods/index.ts';
import { rfc3339 } from '../../kit/run/index.ts';
import type { Phase } from './phase.ts';
import { canRestartAll } from './restart-all.ts';

type Verdict = Pick<PodCondition, 'status' | 'reason' | 'message'>;

export interface ConditionFacts {
  phase: Phase;
  statuses: readonly ContainerStatus[];
  initStatuses: readonly ContainerStatus[];
  hasNetwork: boolean;
  nowMs: number;
  before: readonly PodCondition[];
  /** An exit started the whole pod over, and not everything has ended or started yet. */
  startingOver: boolean;
  /** Of a resize that waits or is under way. */
  resize: readonly (Verdict & { type: string })[];
}

/** Ours too, but gone once they no longer hold. */
export const PASSING = ['PodResizePending', 'PodResizeInProgress'];

const RESTARTING = 'AllContainersRestarting';

const yes: Verdict = { status: 'True' };

/** Those of others as they are, then ours in upstream's order. Times change only with the status. */
export function conditionsOf(pod: Pod, facts: ConditionFacts): PodCondition[] {
  const ready = containersReady(pod, facts);
  const ours: [string, Verdict][] = [
    ...facts.resize.map(({ type, ...verdict }): [string, Verdict] => [type, verdict]),
    ['PodReadyToStartContainers', { status: facts.hasNetwork ? 'True' : 'False' }],
    ['Initialized', initialized(pod, facts)],
    ['Ready', ready.status === 'True' ? gatesOpen(pod, facts) : ready],
    ['ContainersReady', ready],
    ['PodScheduled', yes],
  ];
  const made = ours.map(([type, verdict]) => {
    const before = facts.before.find((condition) => condition.type === type);
    const lastTransitionTime =
      before?.status === verdict.status && before.lastTransitionTime ? before.lastTransitionTime : rfc3339(facts.nowMs);
    return {
      type,
      lastProbeTime: null as unknown as string,
      lastTransitionTime,
      observedGeneration: pod.metadata.generation ?? 0,
      ...verdict,
    };
  });
  const types = new Set([...ours.map(([type]) => type), ...PASSING, RESTARTING]);
  const restarting = canRestartAll(pod) ? [allRestarting(facts)] : [];
  return [...facts.before.filter(({ type }) => !types.has(type)), ...made, ...restarting];
}

/** Without an observed generation, as upstream has it. */
function allRestarting({ phase, startingOver, before, nowMs }: ConditionFacts): PodCondition {
  const ended = phase === 'Succeeded' ? { reason: 'PodCompleted' } : phase === 'Failed' ? { reason: 'PodFailed' } : {};
  const verdict: Verdict = startingOver
    ? { status: 'True', reason: 'RestartAllContainersStarted', message: 'container exited with restart policy rule' }
    : { status: 'False', ...ended };
  const old = before.find(({ type }) => type === RESTARTING);
  const lastTransitionTime = old?.status === verdict.status && old.lastTransitionTime ? old.lastTransitionTime : rfc3339(nowMs);
  return { type: RESTARTING, lastProbeTime: null as unknown as string, lastTransitionTime, ...verdict };
}

function initialized(pod: Pod, { phase, statuses, initStatuses }: ConditionFacts): Verdict {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  if (statuses.some(({ state, lastState }) => state?.running || state?.terminated || lastState?.terminated)) return yes;
  const incomplete = (pod.spec?.initContainers ?? []).filter((container) => {
    const status = initStatuses.find(({ name }) => name === container.name);
    return isSidecar(container) ? status?.started !== true : status?.ready !== true;
  });
  if (incomplete.length === 0) return yes;
  return {
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${incomplete.map(({ name }) => name).join(' ')}]`,
  };
}

function containersReady(pod: Pod, { phase, statuses, initStatuses }: ConditionFacts): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const sidecars = sidecarsOf(pod);
  const unready = [
    ...sidecars.filter(({ name }) => initStatuses.find((status) => status.name === name)?.ready !== true),
    ...(pod.spec?.containers ?? []).filter(({ name }) => statuses.find((status) => status.name === name)?.ready !== true),
  ];
  if (unready.length === 0) return yes;
  return {
    status: 'False',
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${unready.map(({ name }) => name).join(' ')}]`,
  };
}

function gatesOpen(pod: Pod, { before }: ConditionFacts): Verdict {
  const messages: string[] = [];
  for (const { conditionType } of pod.spec?.readinessGates ?? []) {
    const condition = before.find(({ type }) => type === conditionType);
    if (!condition) messages.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`);
    else if (condition.status !== 'True')
      messages.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`);
  }
  return messages.length === 0 ? yes : { status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') };
}
