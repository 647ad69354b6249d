// Processes by pid and start time, so that a pid that was given to another process is never signalled; signals.
import { readFileSync } from 'node:fs';

export interface ProcessId {
  pid: number;
  /** Clock ticks after boot (field 22 of /proc/PID/stat, proc(5)). */
  startTicks: string;
}

/** The process's identity, or undefined when it is gone or a zombie. */
export function identify(pid: number): ProcessId | undefined {
  try {
    return identityIn(readFileSync(`/proc/${pid}/stat`, 'utf8'), pid);
  } catch {
    return undefined;
  }
}

/** Pure: the text of /proc/PID/stat. A zombie whose other threads are still ending holds its files and ports until they have. */
export function identityIn(stat: string, pid: number): ProcessId | undefined {
  // The command in parentheses may contain spaces and parentheses: fields are counted after the last one.
  const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const threads = Number(fields[16]);
  const hasEnded = state === 'X' || (state === 'Z' && threads <= 1);
  return hasEnded ? undefined : { pid, startTicks: fields[18] ?? '' };
}

export const isAlive = (process: ProcessId): boolean => identify(process.pid)?.startTicks === process.startTicks;

/** Sends `signal` if it is still the same process; says whether it was. */
export const signalProcess = (target: ProcessId, signal: NodeJS.Signals | number): boolean =>
  isAlive(target) && sendSignal(target.pid, signal);

/** For a pid that cannot have been given away, because it is our child's or stands in a cgroup of ours. False when it is gone already. */
export function sendSignal(pid: number, signal: NodeJS.Signals | number): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
