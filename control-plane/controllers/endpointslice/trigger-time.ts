// When the change happened that made endpoints change, for the annotation by which network latency is measured.
import type { Pod, Service } from '../../../api/gen/types/core.v1.ts';
import { conditionOf } from '../../../kit/pods/index.ts';

export const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';

/** Remembers for each Service what was seen last; the memory is bounded by the Services and pods that are there. */
export class TriggerTimes {
  readonly #seen = new Map<string, { created: string; pods: Map<string, string> }>();

  /** The earliest change since the last call; undefined: none that has a time. */
  next(key: string, service: Service, pods: readonly Pod[]): string | undefined {
    const before = this.#seen.get(key);
    const now = { created: service.metadata.creationTimestamp ?? '', pods: new Map<string, string>() };
    const changes: string[] = [];
    if (now.created > (before?.created ?? '')) changes.push(now.created);
    for (const pod of pods) {
      const time = conditionOf(pod, 'Ready')?.lastTransitionTime ?? '';
      if (time === '') continue;
      now.pods.set(pod.metadata.name ?? '', time);
      if (time > (before?.pods.get(pod.metadata.name ?? '') ?? '')) changes.push(time);
    }
    this.#seen.set(key, now);
    return changes.sort()[0];
  }

  forget(key: string): void {
    this.#seen.delete(key);
  }
}

/** The object's annotations with the time, or without one; undefined when none is left. */
export function withTriggerTime(
  annotations: Readonly<Record<string, string>> | undefined,
  time: string | undefined,
): Record<string, string> | undefined {
  const { [TRIGGER_TIME]: _, ...others } = annotations ?? {};
  if (time !== undefined) return { ...others, [TRIGGER_TIME]: time };
  return Object.keys(others).length > 0 ? others : undefined;
}
