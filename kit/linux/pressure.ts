// Pressure stall information: how long processes of a control group waited for what they need (v2, where the kernel counts it). Pure.
import type { CgroupFile } from './cgroup-stats.ts';

const PRESSURE_OF = ['cpu', 'memory', 'io'] as const;
export type Pressures = Partial<Record<(typeof PRESSURE_OF)[number], Pressure>>;

export interface Pressure {
  /** At least one process waited. */
  some: Stall;
  /** All of them did. */
  full: Stall;
}

export interface Stall {
  /** Microseconds so far. */
  total: number;
  /** Per cent of the time, in the last 10, 60 and 300 seconds. */
  avg10: number;
  avg60: number;
  avg300: number;
}

/** Of what the kernel does not count there is nothing. */
export function pressuresOf(read: CgroupFile): Pressures {
  const found: Pressures = {};
  for (const what of PRESSURE_OF) {
    const text = read(what, `${what}.pressure`);
    if (text !== '') found[what] = { some: stall(text, 'some'), full: stall(text, 'full') };
  }
  return found;
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=12345`; the processor's second line is missing before Linux 5.13. */
function stall(text: string, who: 'some' | 'full'): Stall {
  const line = new RegExp(`^${who} (.*)$`, 'm').exec(text)?.[1] ?? '';
  const of = new Map(line.split(' ').map((pair) => pair.split('=') as [string, string]));
  const number = (name: string): number => Number(of.get(name) ?? 0);
  return { total: number('total'), avg10: number('avg10'), avg60: number('avg60'), avg300: number('avg300') };
}
