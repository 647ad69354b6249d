// Which pod goes first, and what it is told: upstream's order and sentences. Pure.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { toInteger, toMilli } from '../../api/meta/index.ts';
import { isCritical, isFinished } from '../../kit/pods/index.ts';
import { type ContainerUsage, ephemeralBytes, ephemeralInodes, type PodUsage } from '../stats/index.ts';
import type { Signal } from './thresholds.ts';

/** First to go first: who uses more than it asked for, then by priority, then by what it uses beyond its request. */
export function ranked(usages: readonly PodUsage[], signal: Signal): PodUsage[] {
  const candidates = usages.filter(({ pod }) => !isCritical(pod) && !isFinished(pod) && pod.metadata.deletionTimestamp === undefined);
  const facts = new Map(candidates.map((usage) => [usage, factsOf(usage, signal)]));
  return candidates.sort((a, b) => {
    const [x, y] = [facts.get(a)!, facts.get(b)!];
    if (x.exceeds !== y.exceeds) return x.exceeds ? -1 : 1;
    return (a.pod.spec?.priority ?? 0) - (b.pod.spec?.priority ?? 0) || y.beyond - x.beyond;
  });
}

function factsOf(usage: PodUsage, signal: Signal): { exceeds: boolean; beyond: number } {
  if (signal === 'pid.available') return { exceeds: false, beyond: usage.sandbox?.pids ?? 0 };
  if (signal.endsWith('inodesFree')) return { exceeds: false, beyond: ephemeralInodes(usage) };
  const used = signal === 'memory.available' ? (usage.sandbox?.memoryWorkingSetBytes ?? 0) : ephemeralBytes(usage);
  const beyond = used - requested(usage.pod, resourceOf(signal));
  return { exceeds: beyond > 0, beyond };
}

/** As upstream's messages name it. */
export function resourceOf(signal: Signal): string {
  if (signal === 'memory.available') return 'memory';
  if (signal === 'pid.available') return 'pids';
  return signal.endsWith('inodesFree') ? 'inodes' : 'ephemeral-storage';
}

function requested({ spec }: Pod, resource: string): number {
  const whole = spec?.resources?.requests?.[resource];
  if (whole !== undefined) return Number(toInteger(whole));
  return (spec?.containers ?? []).reduce((sum, { resources }) => sum + Number(toInteger(resources?.requests?.[resource] ?? '0')), 0);
}

/** The sentence of status and event. */
export function evictionMessage(usage: PodUsage, signal: Signal, quantity: number, available: number): string {
  const resource = resourceOf(signal);
  const text = (amount: number) => (resource === 'pids' ? String(amount) : bytesText(amount));
  const head = `The node was low on resource: ${resource}. Threshold quantity: ${text(quantity)}, available: ${text(available)}. `;
  if (resource !== 'memory' && resource !== 'ephemeral-storage') return head;
  const parts = usage.containers.flatMap((container) => {
    const request = usage.pod.spec?.containers.find(({ name }) => name === container.stats.name)?.resources?.requests?.[resource] ?? '0';
    const used = resource === 'memory' ? container.stats.memoryWorkingSetBytes : storageOf(container);
    if (used <= Number(toInteger(request))) return [];
    return [
      `Container ${container.stats.name} was using ${bytesText(used)}, request is ${request}, has larger consumption of ${resource}. `,
    ];
  });
  return head + parts.join('');
}

const storageOf = ({ stats, logs }: ContainerUsage): number => stats.rootfsUsedBytes + logs.bytes;
/** As quantities are written, those of inodes too: in the biggest unit that leaves no fraction. */
function bytesText(bytes: number): string {
  let [amount, unit] = [bytes, 0];
  while (amount !== 0 && amount % 1024 === 0 && unit < UNITS.length - 1) [amount, unit] = [amount / 1024, unit + 1];
  return `${amount}${UNITS[unit]}`;
}

const UNITS = ['', 'Ki', 'Mi', 'Gi', 'Ti'];

/** A pod beyond a limit of its own; undefined: within all. Volumes first, then the pod as a whole, then its containers. */
export function limitMessage(usage: PodUsage): string | undefined {
  const { pod, volumes, containers } = usage;
  for (const { volume, used } of volumes) {
    const limit = volume.emptyDir?.sizeLimit;
    if (limit !== undefined && toMilli(limit) > 0n && used.bytes > Number(toInteger(limit)))
      return `Usage of EmptyDir volume "${volume.name}" exceeds the limit "${limit}". `;
  }
  const limits = (pod.spec?.containers ?? []).map(({ resources }) => resources?.limits?.['ephemeral-storage']);
  const total = limits.reduce((sum, limit) => sum + toInteger(limit ?? '0'), 0n);
  if (limits.length > 0 && limits.every((limit) => limit !== undefined) && BigInt(ephemeralBytes(usage)) > total)
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${limits.length === 1 ? limits[0] : bytesText(Number(total))}. `;
  for (const container of containers) {
    const limit = pod.spec?.containers.find(({ name }) => name === container.stats.name)?.resources?.limits?.['ephemeral-storage'];
    if (limit !== undefined && BigInt(storageOf(container)) > toInteger(limit))
      return `Container ${container.stats.name} exceeded its local ephemeral storage limit "${limit}". `;
  }
  return undefined;
}

/** Whether a pod can be beyond a limit of its own at all. */
export const hasLimits = ({ spec }: Pod): boolean =>
  (spec?.volumes ?? []).some(({ emptyDir }) => emptyDir?.sizeLimit !== undefined) ||
  (spec?.containers ?? []).some(({ resources }) => resources?.limits?.['ephemeral-storage'] !== undefined);
