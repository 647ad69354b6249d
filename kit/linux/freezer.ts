// Holding all processes of a v1 control group for a moment.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { systemClock } from '../run/index.ts';
import { cgroups } from './cgroups.ts';

const DEADLINE_MS = 500;
/** By this process, at this moment. */
const held = new Set<string>();

/** Who cannot be stopped by the deadline sleeps in the kernel, and does not notice either what `work` does. */
export async function whileFrozen<T>(path: string, work: () => Promise<T>): Promise<T> {
  const file = stateFile(path);
  if (!existsSync(file) || held.has(path)) return await work();
  held.add(path);
  try {
    await freeze(file);
    return await work();
  } finally {
    held.delete(path);
    thaw(path);
  }
}

async function freeze(file: string): Promise<void> {
  const untilMs = systemClock.nowMs() + DEADLINE_MS;
  // asked again the kernel looks again: who was about to fork or to sleep has come further by then
  for (;;) {
    writeFileSync(file, 'FROZEN');
    if (readFileSync(file, 'utf8').trim() === 'FROZEN' || systemClock.nowMs() > untilMs) return;
    await systemClock.sleep(1);
  }
}

/** Lets go what an agent held that was killed in that moment. */
export function thaw(path: string): void {
  const file = stateFile(path);
  if (held.has(path) || !existsSync(file)) return;
  try {
    if (readFileSync(file, 'utf8').trim() !== 'THAWED') writeFileSync(file, 'THAWED');
  } catch (error) {
    if (existsSync(file)) throw error; // else all in it have ended meanwhile, and the group with them
  }
}

/** Not of the root group, which has no such file. */
const stateFile = (path: string): string => `${cgroups().folder('freezer', path)}/freezer.state`;
