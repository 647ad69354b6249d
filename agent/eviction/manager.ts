// Looks at the node again and again; when it is low on something, frees what nobody needs, then ends pods one by one.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { EventRecorder } from '../../kit/client/index.ts';
import { fsUsage } from '../../kit/fs/index.ts';
import { type Family, sampled } from '../../kit/metrics/index.ts';
import { graceSecondsOf, isCritical } from '../../kit/pods/index.ts';
import { type Clock, type Logger, neverFails, repeat, type Service } from '../../kit/run/index.ts';
import { memoryUsage, type PodUsage, pidUsage, podUsages, type UsageSources } from '../stats/index.ts';
import { evictionMessage, hasLimits, limitMessage, ranked, resourceOf } from './rank.ts';
import {
  type EvictionSettings,
  type Judgement,
  judge,
  nothingYet,
  type Observations,
  type Pressure,
  parseThresholds,
} from './thresholds.ts';

const LOOK_EVERY_MS = 2000;
/** Walking folders costs: limits are looked at as often as upstream does. */
const LIMITS_EVERY_MS = 10_000;
/** How long the volumes of a pod that was ended are waited for, as upstream. */
const CLEANUP_MS = 30_000;
/** Of pods that must go at once. */
const AT_ONCE_SECONDS = 1;

export interface EvictionOptions {
  settings: EvictionSettings;
  sources: UsageSources;
  /** That the node's pods live below. */
  cgroup: string;
  imagesDir: string;
  nodeName: string;
  clock: Clock;
  log: Logger;
  recorder: EventRecorder;
  /** Ends a pod: Failed, for this reason. */
  evict(pod: Pod, message: string, graceSeconds: number): void;
  /** The pressures are others now. */
  changed(): void;
  /** Frees disk that no pod needs: dead containers, unused images. */
  reclaimDisk(): Promise<void>;
}

export interface Eviction {
  readonly service: Service;
  readonly pressures: ReadonlySet<Pressure>;
  /** For /metrics. */
  readonly families: readonly Family[];
  /** Why a pod cannot start on a node under pressure. */
  refusal(pod: Pod): { reason: string; message: string } | undefined;
}

/** @throws Error for thresholds that make no sense */
export function evictionManager(options: EvictionOptions): Eviction {
  const manager = new Manager(options);
  return {
    service: {
      name: 'eviction',
      async start() {
        const onError = (error: unknown) => options.log.warn({ err: error }, 'the node could not be looked at');
        const timers = [
          repeat(LOOK_EVERY_MS, () => manager.look(), onError),
          repeat(LIMITS_EVERY_MS, () => manager.lookAtLimits(), onError),
        ];
        return {
          failed: neverFails,
          async stop() {
            for (const timer of timers) timer.stop();
          },
        };
      },
    },
    get pressures() {
      return manager.pressures;
    },
    families: [
      sampled('kubelet_evictions', '[ALPHA] Cumulative number of pod evictions by eviction signal', 'counter', () =>
        [...manager.counts].map(([eviction_signal, count]) => [{ eviction_signal }, count] as const),
      ),
    ],
    refusal: (pod) => pressureRefusal(pod, manager.pressures),
  };
}

/** Critical pods always; under pressure of memory alone pods that have asked for some, or tolerate it. Pure. */
export function pressureRefusal(pod: Pod, pressures: ReadonlySet<Pressure>): { reason: string; message: string } | undefined {
  if (pressures.size === 0 || isCritical(pod)) return undefined;
  const tolerates = (pod.spec?.tolerations ?? []).some(
    ({ key, operator, effect }) =>
      (key === 'node.kubernetes.io/memory-pressure' || (!key && operator === 'Exists')) && (!effect || effect === 'NoSchedule'),
  );
  if (pressures.size === 1 && pressures.has('MemoryPressure') && (pod.status?.qosClass !== 'BestEffort' || tolerates)) return undefined;
  return { reason: 'Evicted', message: `The node had condition: [${[...pressures].sort().join(' ')}]. ` };
}

class Manager {
  readonly counts = new Map<string, number>();
  pressures: ReadonlySet<Pressure> = new Set();
  readonly #options: EvictionOptions;
  readonly #thresholds;
  #memory = nothingYet;
  /** The one that was ended: no other goes until it has given back what it had. `seenMs`: when it last ran. */
  #leaving: { uid: string; seenMs: number } | undefined;

  constructor(options: EvictionOptions) {
    this.#options = options;
    this.#thresholds = parseThresholds(options.settings);
  }

  async look(): Promise<void> {
    const { settings } = this.#options;
    let judgement = this.#judge(await this.#observe(), settings);
    if (judgement.act && resourceOf(judgement.act.threshold.signal) !== 'memory' && judgement.act.threshold.signal !== 'pid.available') {
      await this.#options.reclaimDisk();
      judgement = this.#judge(await this.#observe(), settings);
    }
    if (judgement.act) await this.#relieve(judgement.act);
  }

  #judge(observations: Observations, { transitionMs }: EvictionSettings): Judgement {
    const judgement = judge(this.#thresholds, observations, this.#memory, this.#options.clock.nowMs(), transitionMs);
    this.#memory = judgement.memory;
    const before = this.pressures;
    this.pressures = judgement.pressures;
    if (before.symmetricDifference(judgement.pressures).size > 0) this.#options.changed();
    return judgement;
  }

  async #observe(): Promise<Observations> {
    const { cgroup, imagesDir, sources } = this.#options;
    const memory = memoryUsage(cgroup);
    const [nodefs, imagefs] = await Promise.all([fsUsage(sources.podsDir), fsUsage(imagesDir)]);
    const pids = pidUsage();
    const inodes = (fs: typeof nodefs) => (fs.inodes > 0 ? { available: fs.inodesFree, capacity: fs.inodes } : undefined);
    return withoutUnknown({
      'memory.available': { available: memory.availableBytes, capacity: memory.capacityBytes },
      'nodefs.available': { available: nodefs.availableBytes, capacity: nodefs.capacityBytes },
      'nodefs.inodesFree': inodes(nodefs),
      'imagefs.available': { available: imagefs.availableBytes, capacity: imagefs.capacityBytes },
      'imagefs.inodesFree': inodes(imagefs),
      'pid.available': { available: pids.max - pids.current, capacity: pids.max },
    });
  }

  async #relieve({ threshold, quantity, available }: NonNullable<Judgement['act']>): Promise<void> {
    const { log, nodeName, recorder, settings, sources } = this.#options;
    const { signal, isHard } = threshold;
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } };
    recorder.record(node, 'Warning', 'EvictionThresholdMet', `Attempting to reclaim ${resourceOf(signal)}`);
    const usages = await podUsages(sources);
    if (await this.#isLeaving(usages)) return;
    const [first] = ranked(usages, signal);
    this.#leaving = first && { uid: first.pod.metadata.uid ?? '', seenMs: this.#options.clock.nowMs() };
    if (!first) {
      log.warn({ signal, available }, 'the node is low on a resource and has no pod that may be ended');
      return;
    }
    this.#evict(
      first,
      evictionMessage(first, signal, quantity, available),
      isHard ? AT_ONCE_SECONDS : Math.min(settings.podGraceSecondsMax, graceSecondsOf(first.pod)),
      signal,
    );
  }

  /** Its containers end first, then its volumes go: only then does the disk show what that was worth. */
  async #isLeaving(usages: readonly PodUsage[]): Promise<boolean> {
    const { clock, sources } = this.#options;
    const leaving = this.#leaving;
    if (!leaving) return false;
    if (usages.some(({ pod }) => pod.metadata.uid === leaving.uid)) {
      leaving.seenMs = clock.nowMs();
      return true;
    }
    if (clock.nowMs() - leaving.seenMs > CLEANUP_MS) return false;
    const volumes = join(sources.podsDir, leaving.uid, 'volumes');
    return stat(volumes).then(
      () => true,
      () => false,
    );
  }

  async lookAtLimits(): Promise<void> {
    const { sources } = this.#options;
    const limited = sources.pods().filter((pod) => hasLimits(pod) && !isCritical(pod) && pod.status?.phase === 'Running');
    if (limited.length === 0) return;
    for (const usage of await podUsages({ ...sources, pods: () => limited })) {
      const message = limitMessage(usage);
      if (message !== undefined) this.#evict(usage, message, AT_ONCE_SECONDS, 'ephemeralstorage.limit');
    }
  }

  #evict({ pod }: PodUsage, message: string, graceSeconds: number, signal: string): void {
    this.counts.set(signal, (this.counts.get(signal) ?? 0) + 1);
    this.#options.log.warn({ pod: `${pod.metadata.namespace}/${pod.metadata.name}`, signal, message }, 'pod evicted');
    this.#options.evict(pod, message, graceSeconds);
  }
}

const withoutUnknown = (found: { [K in keyof Observations]: Observations[K] | undefined }): Observations =>
  Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
