// The state of a pod, as its status tells it. Pure.
import type { Pod, PodCondition } from '../../api/gen/types/core.v1.ts';

/** All its containers have ended for good. */
export const isFinalPhase = (phase: string | undefined): boolean => phase === 'Succeeded' || phase === 'Failed';

export const isFinished = ({ status }: Pod): boolean => isFinalPhase(status?.phase);

export const conditionOf = ({ status }: Pod, type: string): PodCondition | undefined =>
  status?.conditions?.find((condition) => condition.type === type);

export const isReady = (pod: Pod): boolean => conditionOf(pod, 'Ready')?.status === 'True';
