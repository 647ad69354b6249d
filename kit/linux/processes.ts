// Facts about processes from /proc, and signals to them.
import { readFileSync } from 'node:fs';
import { identify } from '../exec/index.ts';

/** Start time in clock ticks since boot: together with the pid it names a process for good. Undefined when it is gone or a zombie. */
export const processStartTime = (pid: number): string | undefined => identify(pid)?.startTicks;

/** Whether that very process is still running. Without `startTime` any process of the pid counts. */
export function isAlive(pid: number, startTime?: string): boolean {
  const now = pid > 0 ? processStartTime(pid) : undefined;
  return now !== undefined && (startTime === undefined || startTime === now);
}

/** False when it is gone already. */
export function sendSignal(pid: number, signal: NodeJS.Signals | number): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Changes with every boot. */
export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** The wanted oom_score_adj as far as a child of this process may have it: without CAP_SYS_RESOURCE not below our own. */
export function allowedOomScoreAdj(wanted: number): number {
  const own = Number(readFileSync('/proc/self/oom_score_adj', 'utf8'));
  return hasCapability(24) ? wanted : Math.max(wanted, own);
}

/** Whether this process has an effective capability (by number). */
function hasCapability(number: number): boolean {
  const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return line !== null && ((BigInt(`0x${line[1]}`) >> BigInt(number)) & 1n) === 1n;
}
