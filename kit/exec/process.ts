// Processes by pid and start time, so that a pid that was given to another process is never signalled.
import { readFileSync } from 'node:fs';

export interface ProcessId {
  pid: number;
  /** Clock ticks after boot (field 22 of /proc/PID/stat, proc(5)). */
  startTicks: string;
}

/** The process's identity, or undefined when it is gone or a zombie. */
export function identify(pid: number): ProcessId | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command in parentheses may contain spaces and parentheses: fields are counted after the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : { pid, startTicks: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

export const isAlive = (process: ProcessId): boolean => identify(process.pid)?.startTicks === process.startTicks;

/** Sends `signal` if it is still the same process; says whether it was. */
export function signalProcess(target: ProcessId, signal: NodeJS.Signals): boolean {
  if (!isAlive(target)) return false;
  try {
    process.kill(target.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
