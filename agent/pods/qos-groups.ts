// The groups above the pods' own: pods of one class share processor time with those of the others by what they have asked for together,
// and all of them together have no more than the node has to give. As kubelet's container manager does it.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { toInteger, toMilli } from '../../api/meta/index.ts';
import type { CgroupLimits, PodCgroups } from '../../kit/linux/index.ts';
import type { Logger } from '../../kit/run/index.ts';
import { podAmount } from './amounts.ts';
import { cpuShares, type QosClass, qosClass } from './qos.ts';

export interface QosGroupsOptions {
  /** Makes them. */
  groups: PodCgroups;
  allocatable: Readonly<Record<string, string>>;
  log: Logger;
}

/** By group. `burstableMilli`: thousandths of a processor that Burstable pods ask for. Pure. */
export function groupLimits(allocatable: Readonly<Record<string, string>>, burstableMilli: number): Record<string, CgroupLimits> {
  const { cpu = '0', memory } = allocatable;
  const memoryBytes = memory === undefined ? {} : { memoryBytes: Number(toInteger(memory)) };
  return {
    kubepods: { cpuShares: cpuShares(Number(toMilli(cpu))), ...memoryBytes },
    'kubepods/burstable': { cpuShares: cpuShares(burstableMilli) },
    'kubepods/besteffort': { cpuShares: cpuShares(0) },
  };
}

export class QosGroups {
  readonly #options: QosGroupsOptions;
  /** Of Burstable pods by uid, in thousandths. */
  readonly #requests = new Map<string, number>();
  #wantedMilli: number | undefined;
  #isMade = false;
  #written: Promise<void> = Promise.resolve();

  constructor(options: QosGroupsOptions) {
    this.#options = options;
  }

  /** A pod runs here, or asks for something else than before. */
  put(pod: Pod): void {
    const qos = (pod.status?.qosClass as QosClass | undefined) ?? qosClass(pod);
    if (qos === 'Burstable') this.#requests.set(pod.metadata.uid ?? '', Number(podAmount(pod, 'requests', 'cpu')));
    this.#write();
  }

  drop(uid: string): void {
    if (this.#requests.delete(uid)) this.#write();
  }

  /** Only what has changed. Pods run without it too: a host that does not let it be written is told in the log. */
  #write(): void {
    const burstableMilli = this.#requests.values().reduce((sum, milli) => sum + milli, 0);
    if (burstableMilli === this.#wantedMilli) return;
    this.#wantedMilli = burstableMilli;
    this.#written = this.#written.then(async () => {
      if (burstableMilli === this.#wantedMilli) await this.#apply(burstableMilli); // else a later write follows
    });
  }

  async #apply(burstableMilli: number): Promise<void> {
    const { allocatable, groups, log } = this.#options;
    for (const [name, limits] of Object.entries(groupLimits(allocatable, burstableMilli))) {
      const path = groups.group(name);
      try {
        if (!this.#isMade) await groups.create(path);
        await groups.apply(path, limits);
      } catch (error) {
        log.warn({ err: error, group: path }, 'limits of a class of pods not written');
      }
    }
    this.#isMade = true;
  }
}
