// Which checks a standard of a version has.
import { baseline } from './baseline.ts';
import type { Check, Finding, PodSpec } from './finding.ts';
import { restricted } from './restricted.ts';

export type Level = 'privileged' | 'baseline' | 'restricted';

const appliesTo = (checks: readonly Check[], version: number): Check[] => checks.filter(({ since = 0 }) => since <= version);

function checksOf(level: Level, version: number): Check[] {
  if (level === 'privileged') return [];
  if (level === 'baseline') return appliesTo(baseline, version);
  const strict = appliesTo(restricted, version);
  const replaced = new Set(strict.map(({ replaces }) => replaces));
  return [...appliesTo(baseline, version).filter((check) => !replaced.has(check)), ...strict];
}

/** What of a pod a standard forbids; the version is `latest` or a release (`v1.34`). */
export function findings(spec: PodSpec, level: Level, version = 'latest'): Finding[] {
  const minor = version === 'latest' ? Number.POSITIVE_INFINITY : Number(version.slice('v1.'.length));
  return checksOf(level, minor).flatMap((check) => check.find(spec, minor) ?? []);
}
