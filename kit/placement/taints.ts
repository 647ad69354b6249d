// Which taints a pod tolerates.
import type { Taint, Toleration } from '../../api/gen/types/core.v1.ts';

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  // An empty key is only valid with Exists, and then means all taints.
  if (toleration.operator === 'Exists') return true;
  return (toleration.value ?? '') === (taint.value ?? '');
}

/** The first taint of one of `effects` that none of the tolerations covers. */
export const untolerated = (taints: readonly Taint[], tolerations: readonly Toleration[], effects: readonly string[]): Taint | undefined =>
  taints.find((taint) => effects.includes(taint.effect) && !tolerations.some((toleration) => tolerates(toleration, taint)));
