// What is watched on a node, from where on it is too little, and what follows from an observation. Pure.
import { toInteger } from '../../api/meta/index.ts';

const SIGNALS = [
  'memory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
  'pid.available',
] as const;
export type Signal = (typeof SIGNALS)[number];
export type Pressure = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';

export interface EvictionSettings {
  /** Signal -> quantity or percentage of the capacity. */
  hard: Readonly<Record<string, string>>;
  soft: Readonly<Record<string, string>>;
  /** Signal -> milliseconds that a soft threshold must be met. */
  softGraceMs: Readonly<Record<string, number>>;
  /** Signal -> what is reclaimed beyond the threshold once it was met. */
  minimumReclaim: Readonly<Record<string, string>>;
  /** How long a pressure is told after it was last seen. */
  transitionMs: number;
  /** Grace of pods that a soft threshold ends. */
  podGraceSecondsMax: number;
}

/** Upstream's. */
export const DEFAULT_HARD: Readonly<Record<string, string>> = {
  'memory.available': '100Mi',
  'nodefs.available': '10%',
  'nodefs.inodesFree': '5%',
  'imagefs.available': '15%',
  'imagefs.inodesFree': '5%',
};

export interface Threshold {
  signal: Signal;
  isHard: boolean;
  graceMs: number;
  /** Of a capacity. */
  amount(capacity: number): number;
  reclaim(capacity: number): number;
}

export interface Observation {
  available: number;
  capacity: number;
}

export type Observations = Partial<Record<Signal, Observation>>;

/** A value of zero switches its threshold off. @throws Error naming signal and value */
export function parseThresholds(settings: Pick<EvictionSettings, 'hard' | 'soft' | 'softGraceMs' | 'minimumReclaim'>): Threshold[] {
  const of = (values: Readonly<Record<string, string>>, isHard: boolean): Threshold[] =>
    Object.entries(values).flatMap(([name, text]) => {
      const signal = SIGNALS.find((known) => known === name);
      if (!signal) throw new Error(`eviction: unknown signal ${JSON.stringify(name)}, known are ${SIGNALS.join(', ')}`);
      const amount = amountOf(signal, text);
      if (amount(1e12) === 0) return [];
      const graceMs = isHard ? 0 : settings.softGraceMs[name];
      if (graceMs === undefined) throw new Error(`eviction: soft threshold ${name} has no grace period`);
      return [{ signal, isHard, graceMs, amount, reclaim: amountOf(signal, settings.minimumReclaim[name] ?? '0') }];
    });
  return [...of(settings.hard, true), ...of(settings.soft, false)];
}

function amountOf(signal: string, text: string): (capacity: number) => number {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text);
  if (percent) {
    const share = Number(percent[1]) / 100;
    if (share > 1) throw new Error(`eviction: ${signal}: ${text} is more than everything`);
    return (capacity) => Math.floor(capacity * share);
  }
  try {
    const bytes = Number(toInteger(text));
    if (bytes < 0) throw new Error('is negative');
    return () => bytes;
  } catch (cause) {
    throw new Error(`eviction: ${signal}: ${JSON.stringify(text)} is neither a quantity nor a percentage`, { cause });
  }
}

const PRESSURES: Readonly<Record<Signal, Pressure>> = {
  'memory.available': 'MemoryPressure',
  'nodefs.available': 'DiskPressure',
  'nodefs.inodesFree': 'DiskPressure',
  'imagefs.available': 'DiskPressure',
  'imagefs.inodesFree': 'DiskPressure',
  'pid.available': 'PIDPressure',
};

/** What pods cannot have, in bytes by resource: below it they would be ended. `capacity`: of memory and of the node's disk. */
export function keptFree(
  settings: EvictionSettings,
  capacity: Readonly<Record<'memory' | 'ephemeral-storage', number>>,
): Record<string, bigint> {
  const resources = { 'memory.available': 'memory', 'nodefs.available': 'ephemeral-storage' } as const;
  const hard = parseThresholds(settings).filter(({ isHard, signal }) => isHard && signal in resources);
  return Object.fromEntries(
    hard.map(({ signal, amount }) => {
      const resource = resources[signal as keyof typeof resources];
      return [resource, BigInt(amount(capacity[resource]))];
    }),
  );
}

/** What is remembered from one look to the next. */
export interface Memory {
  /** Thresholds that are met, with the time since when. */
  since: ReadonlyMap<Threshold, number>;
  /** Those of them whose grace was over: they must be left by the minimum to reclaim. */
  acted: ReadonlySet<Threshold>;
  /** The pressure is told from the first moment, whatever the grace before a pod is ended. */
  seenMs: ReadonlyMap<Pressure, number>;
}

export const nothingYet: Memory = { since: new Map(), acted: new Set(), seenMs: new Map() };

export interface Judgement {
  memory: Memory;
  pressures: ReadonlySet<Pressure>;
  /** The threshold to act on: met for long enough, memory before all others. */
  act: (Observation & { threshold: Threshold; quantity: number }) | undefined;
}

export function judge(
  thresholds: readonly Threshold[],
  observations: Observations,
  before: Memory,
  nowMs: number,
  transitionMs: number,
): Judgement {
  const since = new Map<Threshold, number>();
  const acted = new Set<Threshold>();
  const seenMs = new Map(before.seenMs);
  const due: (Observation & { threshold: Threshold; quantity: number })[] = [];
  for (const threshold of thresholds) {
    const seen = observations[threshold.signal];
    if (!seen) continue;
    const quantity = threshold.amount(seen.capacity);
    const wasMet = before.since.get(threshold);
    const hasActed = before.acted.has(threshold);
    const wanted = quantity + (hasActed ? threshold.reclaim(seen.capacity) : 0);
    if (seen.available >= wanted) continue;
    const fromMs = wasMet ?? nowMs;
    since.set(threshold, fromMs);
    seenMs.set(PRESSURES[threshold.signal], nowMs);
    if (nowMs - fromMs < threshold.graceMs) continue;
    acted.add(threshold);
    due.push({ threshold, quantity, ...seen });
  }
  const pressures = new Set([...seenMs].filter(([, at]) => at === nowMs || nowMs - at < transitionMs).map(([pressure]) => pressure));
  const act = due.find(({ threshold }) => threshold.signal === 'memory.available') ?? due[0];
  return { memory: { since, acted, seenMs }, pressures, act };
}
