// Columns and texts that the tables of several kinds share.
import type { KubeObject, LabelSelector } from '../meta/index.ts';
import type { Column } from './kind.ts';

export const nameColumn: Column = { name: 'Name', type: 'string', format: 'name', of: (object) => object.metadata.name ?? '' };

/** Seconds, minutes, hours, days, years in the two units that people read: `5s`, `3m20s`, `2d4h`, `1y30d`. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 24 * 8) return pair(days, 'd', hours % 24, 'h');
  if (hours < 24 * 365 * 2) return `${days}d`;
  const years = Math.trunc(hours / 24 / 365);
  if (hours < 24 * 365 * 8) return pair(years, 'y', days % 365, 'd');
  return `${years}y`;
}

const pair = (a: number, aUnit: string, b: number, bUnit: string): string => (b === 0 ? `${a}${aUnit}` : `${a}${aUnit}${b}${bUnit}`);

/** The time that has passed since an RFC 3339 time. */
export const since = (time: string | null | undefined, nowMs: number): string =>
  time ? humanDuration(nowMs - Date.parse(time)) : '<unknown>';

export const ageColumn: Column = { name: 'Age', type: 'string', of: (object, nowMs) => since(object.metadata.creationTimestamp, nowMs) };

export const string = (name: string, of: Column['of'], wide = false): Column => ({
  name,
  type: 'string',
  of,
  ...(wide ? { priority: 1 } : {}),
});

export const integer = (name: string, of: Column['of']): Column => ({ name, type: 'integer', of });

export const boolean = (name: string, of: Column['of']): Column => ({ name, type: 'boolean', of });

/** A count, 0 when absent. */
export const count = (name: string, of: (object: KubeObject) => number | undefined): Column => integer(name, (object) => of(object) ?? 0);

/** `a=b,c=d`, keys sorted. */
export function labelsText(labels: Record<string, string> | undefined | null): string {
  const keys = Object.keys(labels ?? {}).sort();
  return keys.length === 0 ? '<none>' : keys.map((key) => `${key}=${labels![key]}`).join(',');
}

/** A LabelSelector as people write it: `app=x,tier in (a,b),!old`. */
export function selectorText(selector: LabelSelector | undefined | null): string {
  if (!selector) return '<none>';
  const parts: [string, string][] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => [key, `${key}=${value}`]);
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const list = `(${[...(values ?? [])].sort().join(',')})`;
    if (operator === 'Exists') parts.push([key, key]);
    else if (operator === 'DoesNotExist') parts.push([key, `!${key}`]);
    else parts.push([key, `${key} ${operator === 'In' ? 'in' : 'notin'} ${list}`]);
  }
  if (parts.length === 0) return '<none>';
  return parts
    .sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))
    .map(([, text]) => text)
    .join(',');
}

/** The selector as /scale and a Scale's status give it; empty when there is none. */
export const scaleSelectorText = (selector: LabelSelector | undefined | null): string => {
  const text = selectorText(selector);
  return text === '<none>' ? '' : text;
};

const containersOf = (object: KubeObject): { name: string; image?: string }[] =>
  (object['spec']?.jobTemplate?.spec?.template ?? object['spec']?.template ?? object['template'])?.spec?.containers ?? [];

/** Of a pod template, with -o wide. */
export const containersColumn = (wide = true): Column =>
  string(
    'Containers',
    (object) =>
      containersOf(object)
        .map((container) => container.name)
        .join(','),
    wide,
  );
export const imagesColumn = (wide = true): Column =>
  string(
    'Images',
    (object) =>
      containersOf(object)
        .map((container) => container.image ?? '')
        .join(','),
    wide,
  );
