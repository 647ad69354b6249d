// The state of a pod, as its status tells it. Pure.
import type { Pod, PodCondition } from '../../api/gen/types/core.v1.ts';

/** All its containers have ended for good. */
export const isFinalPhase = (phase: string | undefined): boolean => phase === 'Succeeded' || phase === 'Failed';

export const isFinished = ({ status }: Pod): boolean => isFinalPhase(status?.phase);

export const conditionOf = ({ status }: Pod, type: string): PodCondition | undefined =>
  status?.conditions?.find((condition) => condition.type === type);

export const isReady = (pod: Pod): boolean => conditionOf(pod, 'Ready')?.status === 'True';

/** system-cluster-critical and above. */
export const SYSTEM_CRITICAL = 2_000_000_000;

/** Of a file of its node, or what stands for that in the API. */
export const isStatic = ({ metadata }: Pod): boolean =>
  (metadata.annotations?.['kubernetes.io/config.source'] ?? 'api') !== 'api' ||
  metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;

/** Never ended for its node's sake. */
export const isCritical = (pod: Pod): boolean => (pod.spec?.priority ?? 0) >= SYSTEM_CRITICAL || isStatic(pod);

/** The time that its containers have to end, where nobody says otherwise. */
export const graceSecondsOf = ({ spec }: Pod): number => spec?.terminationGracePeriodSeconds ?? 30;
