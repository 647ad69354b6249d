// Settings of eviction: what the configuration leaves out is upstream's. Pure.
import { DEFAULT_HARD, type EvictionSettings, parseThresholds } from './thresholds.ts';

export type { EvictionSettings } from './thresholds.ts';

const DEFAULTS: EvictionSettings = {
  hard: DEFAULT_HARD,
  soft: {},
  softGraceMs: {},
  minimumReclaim: {},
  transitionMs: 300_000,
  podGraceSecondsMax: 0,
};

/** Given signals are put over the default ones; zero switches one off. @throws Error naming field, signal and value */
export function evictionSettings(given: unknown): EvictionSettings {
  if (given !== undefined && (typeof given !== 'object' || given === null || Array.isArray(given)))
    throw new Error('field eviction: must be an object');
  const asked = (given ?? {}) as Partial<EvictionSettings>;
  const unknown = Object.keys(asked).find((key) => !Object.hasOwn(DEFAULTS, key));
  if (unknown !== undefined) throw new Error(`field eviction: has no field ${unknown}, but ${Object.keys(DEFAULTS).join(', ')}`);
  const settings = { ...DEFAULTS, ...asked, hard: { ...DEFAULT_HARD, ...asked.hard } };
  parseThresholds(settings);
  return settings;
}
