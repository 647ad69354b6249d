// What this process and this boot are, from /proc.
import { readFileSync } from 'node:fs';

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

/**
 * Pure: /proc/<pid>/status of a process that a signal would do nothing to: the first of a PID namespace, without a handler for it (yet).
 * pid_namespaces(7)
 */
export function isDeafTo(status: string, signal: number): boolean {
  const isFirst = /^NSpid:(?:\s+\d+)+\s+1$/m.test(status);
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return isFirst && caught !== undefined && ((BigInt(`0x${caught}`) >> BigInt(signal - 1)) & 1n) === 0n;
}
