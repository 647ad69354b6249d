// How the last pods of this node started: what was done when, so that the next saving can be seen. Read at /debug/starts.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { type Family, Histogram } from '../../kit/metrics/index.ts';
import type { Story, StoryStep } from '../../kit/run/index.ts';

export interface PodStart {
  /** `namespace/name` */
  pod: string;
  uid: string;
  /** When this node saw the pod, in milliseconds since the epoch. */
  seenAtMs: number;
  /** From then until the API server had taken a status that says Ready, or ended. */
  tookMs: number;
  /** In the order of their ends; they may overlap and contain each other. */
  steps: readonly StoryStep[];
}

const KEPT = 256;
/** Upstream's bounds of a pod's start. */
const SECONDS = [0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600];

export class Starts {
  readonly #kept: PodStart[] = [];
  readonly #seconds = new Histogram(
    'kubelet_pod_start_duration_seconds',
    '[ALPHA] Duration in seconds from kubelet seeing a pod for the first time to the pod starting to run',
    SECONDS,
  );
  readonly families: readonly Family[] = [this.#seconds];

  add(pod: Pod, story: Story): PodStart {
    const start = {
      pod: `${pod.metadata.namespace}/${pod.metadata.name}`,
      uid: pod.metadata.uid ?? '',
      seenAtMs: story.begunAtMs,
      tookMs: story.ageMs,
      steps: story.steps,
    };
    this.#seconds.observe('', () => ({}), start.tookMs / 1000);
    this.#kept.push(start);
    if (this.#kept.length > KEPT) this.#kept.shift();
    return start;
  }

  /** The newest last. */
  list(): readonly PodStart[] {
    return this.#kept;
  }
}
