// A pod that shares its process namespace needs a first process in it: a small shell that reaps orphans. The only sandbox that has one.
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { sendSignal, start } from '../../kit/exec/index.ts';
import { bindMount, cgroups, isPinned } from '../../kit/linux/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { type CriContext, podCgroup, sandboxFile } from './context.ts';
import type { SandboxRecord } from './records.ts';

/** `wait` reaps every child that comes, also adopted ones; `sleep` keeps it waiting. */
const REAPER = 'trap "exit 0" TERM; while :; do sleep 2147483647 & wait; done';

export async function startPidHolder(context: CriContext, record: SandboxRecord): Promise<void> {
  const pin = sandboxFile(context, record.id, 'pid');
  if (isPinned(pin)) return;
  const asUsers = record.config.linux?.namespaces?.user ? `nsenter --user=${sandboxFile(context, record.id, 'user')} ` : '';
  // It waits until it is in its group, and ends when whoever is to put it there does first.
  const script = `read -r _ || exit; exec ${asUsers}unshare --pid --fork --kill-child sh -c '${REAPER}' </dev/null`;
  const child = await start('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' });
  child.unref();
  await context.groups.adopt(holderGroup(context, record), child.pid ?? 0);
  child.stdin?.on('error', () => {}); // it has ended: the wait below tells
  child.stdin?.end('\n');
  const init = await waitFor({ what: `the first process of sandbox ${record.id}`, timeoutMs: 5_000, everyMs: 2 }, () =>
    firstChild(child.pid ?? 0),
  );
  closeSync(openSync(pin, 'a', 0o600));
  bindMount(`/proc/${init}/ns/pid`, pin);
}

/** SIGKILLs the holder, and with it everything in its namespace. Idempotent. */
export async function stopPidHolder(context: CriContext, record: SandboxRecord): Promise<void> {
  const path = holderGroup(context, record);
  for (const pid of cgroups().pids(path)) sendSignal(pid, 'SIGKILL');
  await context.groups.remove(path);
}

/** Beside the containers', as if it were one. */
const holderGroup = (context: CriContext, record: SandboxRecord): string => context.groups.container(podCgroup(context, record), record.id);

function firstChild(pid: number): number | undefined {
  const file = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(file)) return undefined;
  const [child] = readFileSync(file, 'utf8')
    .trim()
    .split(' ')
    .filter((text) => text !== '');
  return child === undefined ? undefined : Number(child);
}
