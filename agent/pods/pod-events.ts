// Events about pods and their containers, under upstream's component name, which tools look for.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { EventRecorder } from '../../kit/client/index.ts';
import { containerFieldPath } from './names.ts';

export class PodEvents {
  readonly #recorder: EventRecorder;
  constructor(recorder: EventRecorder) {
    this.#recorder = recorder;
  }

  pod(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#recorder.record({ apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata }, type, reason, message);
  }

  container(pod: Pod, container: string, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#recorder.record(
      { apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata },
      type,
      reason,
      message,
      containerFieldPath(pod, container),
    );
  }
}
