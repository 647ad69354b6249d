// Makes the next move of a process into a control group quick. For the first move in a while the kernel waits until every processor has
// passed a quiet moment (an RCU grace period, two or three of its ticks: 8 to 12 ms where it ticks 250 times a second), and with it every
// runtime that puts a container into its group. A move that comes within such a span after another waits for nothing. So while a start is
// prepared this process moves itself to where it is already. A hierarchy mounted with `favordynmods` has no such wait.
import { existsSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { cgroups } from './cgroups.ts';

let isMoving = false;

/** A process will be moved in the next few milliseconds, by whomever. What is waited for is waited for on the thread pool. */
export function expectGroupMove(): void {
  if (isMoving) return;
  isMoving = true;
  // Nothing depends on it: where this process may not move itself, others' moves take their time.
  moveNowhere()
    .catch(() => {})
    .finally(() => {
      isMoving = false;
    });
}

/** The wait is one for all hierarchies: any will do. */
async function moveNowhere(): Promise<void> {
  const list = groupsOf(readFileSync('/proc/self/cgroup', 'utf8'))
    .map(([hierarchy, path]) => `${cgroups().folder(hierarchy, path)}/cgroup.procs`)
    .find(existsSync);
  if (list === undefined) return;
  await using file = await open(list, 'w');
  await file.write('0'); // the writer
}

/** Pure: of /proc/PID/cgroup, which group it is in by hierarchy; '' is v2's. */
export const groupsOf = (text: string): [hierarchy: string, path: string][] =>
  [...text.matchAll(/^\d+:(?:name=)?([^:]*):(.*)$/gm)].map(([, hierarchy = '', path = '']) => [hierarchy, path]);
