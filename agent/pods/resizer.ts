// In-place resize of one pod: what it asks for becomes what it is given when the node has room, then what its groups are told.
// What was given is kept in a file once it differs from what the containers were made with, so that a restarted agent goes on from there.
import { join } from 'node:path';
import type { Container, Pod, PodCondition, ResourceRequirements } from '../../api/gen/types/core.v1.ts';
import { deepEqual } from '../../api/meta/index.ts';
import { readFileIfExists, writeFileAtomic } from '../../kit/fs/index.ts';
import { step } from '../../kit/run/index.ts';
import type { ContainerStatus, Cri, LinuxResources } from '../cri/index.ts';
import {
  type Allocation,
  allocationOf,
  judgeResize,
  memoryRequestDiffers,
  outdated,
  type Pending,
  resizeText,
  restartsFor,
  wider,
  withAllocation,
} from './allocation.ts';
import { findContainer, RESOURCES_ANNOTATION } from './names.ts';
import type { PodEvents } from './pod-events.ts';
import { containerResources, podResources } from './qos.ts';

export interface ResizerTools {
  cri: Cri;
  events: PodEvents;
  podsDir: string;
  /** Bytes. */
  memoryCapacity: number;
  allocatable: Readonly<Record<string, string>>;
  /** The node's other pods that have not ended, with what they were given. */
  otherPods(uid: string): readonly Pod[];
}

/** Such a container always runs with the memory that it was made with. */
function restartsForMemory(container: Container, { annotations }: ContainerStatus): boolean {
  const made = annotations[RESOURCES_ANNOTATION];
  if (made === undefined || !restartsFor(container, ['memory'])) return false;
  return memoryRequestDiffers(JSON.parse(made) as ResourceRequirements, container.resources);
}

export class Resizer {
  readonly #tools: ResizerTools;
  readonly #file: string;
  #given: Allocation | undefined;
  #isSaved = true;
  #pending: Pending | undefined;
  /** Limits of the pod's own group as last told; undefined: not known. */
  #applied: LinuxResources | undefined;
  #inProgress = false;
  #error: string | undefined;

  constructor(tools: ResizerTools, uid: string) {
    this.#tools = tools;
    this.#file = join(tools.podsDir, uid, 'allocation.json');
  }

  /** After a restart of the agent: what the pod was given before. */
  async recover(pod: Pod, records: readonly ContainerStatus[]): Promise<void> {
    const text = await readFileIfExists(this.#file);
    // Empty: cut off by a power failure, and the containers that knew it ended with the machine.
    if (text !== undefined && text !== '') {
      this.#given = JSON.parse(text) as Allocation;
      return; // the pod's group may not have been told: #applied stays unknown
    }
    const given = allocationOf(pod);
    for (const { metadata, annotations } of records) {
      const made = annotations[RESOURCES_ANNOTATION];
      if (made !== undefined && given.containers[metadata.name]) given.containers[metadata.name] = JSON.parse(made) as ResourceRequirements;
    }
    this.#given = given;
    this.#applied = podResources(withAllocation(pod, given));
  }

  /** Takes what the pod asks for when there is room. The pod with what it is given. */
  admit(wanted: Pod): Pod {
    const asked = allocationOf(wanted);
    if (this.#given === undefined) {
      this.#given = asked;
      this.#applied = podResources(wanted);
    }
    if (deepEqual(asked, this.#given)) {
      this.#pending = undefined;
      return wanted;
    }
    const { allocatable, events, otherPods } = this.#tools;
    const pending = judgeResize(wanted, otherPods(wanted.metadata.uid ?? ''), allocatable);
    if (pending && !deepEqual(pending, this.#pending))
      events.pod(wanted, 'Warning', `Resize${pending.reason}`, resizeText(wanted, pending.reason, pending.message));
    this.#pending = pending;
    if (pending) return withAllocation(wanted, this.#given);
    this.#given = asked;
    this.#isSaved = false;
    this.#inProgress = true;
    events.pod(wanted, 'Normal', 'ResizeStarted', resizeText(wanted, 'started'));
    return wanted;
  }

  /** Waits for others to leave. */
  get isDeferred(): boolean {
    return this.#pending?.reason === 'Deferred';
  }

  async save(): Promise<void> {
    if (this.#isSaved || !this.#given) return;
    const given = this.#given;
    await step('pod.allocation', () => writeFileAtomic(this.#file, JSON.stringify(given)));
    this.#isSaved = this.#given === given;
  }

  /** Containers that do not run with what they are given; those that must restart for it; whether anything is to be told to the kernel. */
  compare(pod: Pod, running: readonly ContainerStatus[]): { restart: ContainerStatus[]; update: boolean } {
    const changed = this.#changed(pod, running);
    const restart = changed.filter(({ restarts }) => restarts).map(({ record }) => record);
    const podDiffers = this.#applied === undefined || outdated(this.#applied, podResources(pod)).length > 0;
    const update = podDiffers || changed.some(({ restarts }) => !restarts);
    if (changed.length > 0 || podDiffers) this.#inProgress ||= this.#applied !== undefined;
    else if (this.#inProgress) {
      this.#inProgress = false;
      this.#tools.events.pod(pod, 'Normal', 'ResizeCompleted', resizeText(pod, 'completed'));
    }
    return { restart, update };
  }

  /** The container still runs with other amounts than it was given. */
  isOutdated(pod: Pod, record: ContainerStatus): boolean {
    return this.#changed(pod, [record]).length > 0;
  }

  /** Tells the kernel. The pod's group is widened first and narrowed last. @throws Error of the kernel, which is shown in the pod's status */
  async perform(pod: Pod, sandboxId: string, running: readonly ContainerStatus[]): Promise<void> {
    const { cri, events } = this.#tools;
    const whole = podResources(pod);
    try {
      const changed = this.#changed(pod, running).filter(({ restarts }) => !restarts);
      for (const { record, wanted } of changed) await this.#checkUsage(record, wanted);
      await cri.updatePodSandboxResources(sandboxId, wider(this.#applied ?? {}, whole));
      this.#applied = undefined;
      for (const { record, wanted } of changed) {
        const { oomScoreAdj: _, ...limits } = wanted;
        await cri.updateContainerResources(record.id, limits);
      }
      await cri.updatePodSandboxResources(sandboxId, whole);
      this.#applied = whole;
      this.#error = undefined;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (text !== this.#error) events.pod(pod, 'Warning', 'ResizeError', resizeText(pod, 'error', text));
      this.#error = text;
      throw error;
    }
  }

  /** Those that stand now; the writer adds times. */
  get conditions(): Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>[] {
    const error = this.#error === undefined ? {} : { reason: 'Error', message: this.#error };
    return [
      ...(this.#pending ? [{ type: 'PodResizePending', status: 'True', ...this.#pending }] : []),
      ...(this.#inProgress ? [{ type: 'PodResizeInProgress', status: 'True', ...error }] : []),
    ];
  }

  #changed(pod: Pod, running: readonly ContainerStatus[]) {
    return running.flatMap((record) => {
      const found = findContainer(pod, record.metadata.name);
      if (!found || found.role === 'ephemeral') return [];
      const wanted = containerResources(pod, found.container, this.#tools.memoryCapacity);
      const resources = outdated(record.resources, wanted);
      const restarts = restartsFor(found.container, resources) || restartsForMemory(found.container, record);
      return restarts || resources.length > 0 ? [{ record, wanted, restarts }] : [];
    });
  }

  /** The kernel would kill what does not fit. */
  async #checkUsage(record: ContainerStatus, { memoryLimitBytes }: LinuxResources): Promise<void> {
    if (!memoryLimitBytes || memoryLimitBytes >= (record.resources.memoryLimitBytes ?? Number.POSITIVE_INFINITY)) return;
    const { memoryUsageBytes } = await this.#tools.cri.containerStats(record.id);
    if (memoryUsageBytes >= memoryLimitBytes)
      throw new Error(
        `cannot decrease memory limits: attempting to set container "${record.metadata.name}" memory limit (${memoryLimitBytes}) below current usage (${memoryUsageBytes})`,
      );
  }
}
