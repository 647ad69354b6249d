// Containers that are to be stopped although their pod goes on: failed probes and hooks, a changed image.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { graceSecondsOf, lastingContainers } from '../../kit/pods/index.ts';
import type { ContainerStatus } from '../cri/index.ts';
import { findContainer, IMAGE_ANNOTATION } from './names.ts';
import type { ProbeKind } from './probe-verdict.ts';
import { KILLED, restarts } from './restart.ts';

/** What the Killing event says, and how long the container has. */
export interface Sentence {
  message: string;
  graceMs: number;
}

export class Condemned {
  readonly #sentences = new Map<string, Sentence>();
  readonly #comeBack = new Set<string>();

  get ids(): ReadonlySet<string> {
    return new Set(this.#sentences.keys());
  }
  /** Ended, or to be ended, to start anew, whatever their exit codes and the restart policy say. */
  get comeBack(): ReadonlySet<string> {
    return this.#comeBack;
  }
  sentence(containerId: string): Sentence | undefined {
    return this.#sentences.get(containerId);
  }
  ended(containerId: string): void {
    this.#sentences.delete(containerId);
  }
  /** Its record is gone. */
  forget(containerId: string): void {
    this.#comeBack.delete(containerId);
  }

  /** A probe has failed. A container that does not come back takes its pod with it, when it is the pod's only one. */
  byProbe(pod: Pod, containerId: string, name: string, kind: ProbeKind, graceSeconds: number | undefined): void {
    const found = findContainer(pod, name);
    const failed = `Container ${name} failed ${kind} probe`;
    if (found && restarts(pod, found.container, KILLED, found.role === 'init')) {
      this.#comeBack.add(containerId);
      this.#add(pod, containerId, `${failed}, will be restarted`, graceSeconds);
    } else if (pod.spec?.containers.length === 1) this.#add(pod, containerId, `Stopping container ${name}`, undefined);
    else this.#add(pod, containerId, failed, graceSeconds);
  }

  /** New amounts that the container takes by a restart only. */
  byResize(pod: Pod, record: ContainerStatus): void {
    this.#comeBack.add(record.id);
    this.#add(pod, record.id, `Container ${record.metadata.name} resize requires restart`, undefined);
  }

  /** Of a life that is started over: no preStop, no grace. */
  byStartingOver(pod: Pod, record: ContainerStatus): void {
    const message = `Container ${record.metadata.name} will be restarted with all containers of the pod`;
    this.#add(pod, record.id, message, 0);
  }

  byHook(pod: Pod, containerId: string): void {
    this.#add(pod, containerId, 'FailedPostStartHook', undefined);
  }

  /** Containers that run another image than the pod now names; an init container goes on to its end. */
  byChange(pod: Pod, running: readonly ContainerStatus[]): void {
    const lasting = lastingContainers(pod);
    for (const record of running) {
      const container = lasting.find(({ name }) => name === record.metadata.name);
      const image = record.annotations[IMAGE_ANNOTATION];
      if (!container || image === undefined || image === container.image) continue;
      this.#comeBack.add(record.id);
      this.#add(pod, record.id, `Container ${container.name} definition changed, will be restarted`, undefined);
    }
  }

  #add(pod: Pod, containerId: string, message: string, graceSeconds: number | undefined): void {
    if (this.#sentences.has(containerId)) return;
    this.#sentences.set(containerId, { message, graceMs: (graceSeconds ?? graceSecondsOf(pod)) * 1000 });
  }
}
