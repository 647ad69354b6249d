// How kubectl's tables show times and counts.

/** Age of a table: `5s`, `3m12s`, `8h`, `2d`, `3y40d`. Clocks may differ by a second; more is `<invalid>`. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return withRest(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return withRest(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 192) return withRest(days, 'd', hours % 24, 'h');
  if (hours < 24 * 365 * 2) return `${days}d`;
  const years = Math.trunc(days / 365);
  return hours < 24 * 365 * 8 ? withRest(years, 'y', days % 365, 'd') : `${years}y`;
}

const withRest = (count: number, unit: string, rest: number, restUnit: string): string =>
  `${count}${unit}${rest === 0 ? '' : `${rest}${restUnit}`}`;

/** Age since a time of the API; `<unknown>` when there is none. */
export const ageOf = (time: string | null | undefined, nowMs: number): string =>
  time ? humanDuration(nowMs - Date.parse(time)) : '<unknown>';
