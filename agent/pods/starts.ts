// How the last pods of this node started: what was done when, so that the next saving can be seen. Read at /debug/starts.
import type { Pod } from '../../api/gen/types/core.v1.ts';
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

export class Starts {
  readonly #kept: PodStart[] = [];

  add(pod: Pod, story: Story): PodStart {
    const start = {
      pod: `${pod.metadata.namespace}/${pod.metadata.name}`,
      uid: pod.metadata.uid ?? '',
      seenAtMs: story.begunAtMs,
      tookMs: story.ageMs,
      steps: story.steps,
    };
    this.#kept.push(start);
    if (this.#kept.length > KEPT) this.#kept.shift();
    return start;
  }

  /** The newest last. */
  list(): readonly PodStart[] {
    return this.#kept;
  }
}
