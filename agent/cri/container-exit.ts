// The end of a container: its exit is written into the record, then what the runtime holds is freed. Whoever waits is told after that.
import { cgroups } from '../../kit/linux/index.ts';
import { step, systemClock } from '../../kit/run/index.ts';
import type { RuntimeState } from '../runtime/index.ts';
import { type CriContext, containerCgroup, messageOf, podCgroup } from './context.ts';
import type { ContainerExit, ContainerRecord } from './records.ts';

/** Called by the runtime's exit watch and at start-up. Idempotent. */
export async function noticeExit(context: CriContext, id: string): Promise<void> {
  const record = context.containers.get(id);
  if (!record || record.exit) return;
  const state = context.runtime.state(id);
  if (state.status === 'exited') await recordExit(context, record, exitOf(state, oomKilled(context, record, state)));
}

/** Once for each container, whoever notices first; returns when the runtime's part is freed too. */
export async function recordExit(context: CriContext, { id, sandboxId }: ContainerRecord, exit: ContainerExit): Promise<void> {
  await context.turns.take(`record/${id}`, async () => {
    const record = context.containers.get(id);
    if (!record || record.exit) return;
    step('container.exit-record', () => context.containers.note({ ...record, exit }));
    context.events.emit({ type: 'exited', containerId: id, sandboxId });
    await step('runtime.delete', () => context.runtime.delete(id)).catch((error: unknown) =>
      context.log.warn({ container: id, error: messageOf(error) }, 'freeing an ended container'),
    );
  });
}

/** A container that the machine's restart, or a deleted run folder, left without a trace. */
export const lostExit = (): ContainerExit => ({
  code: 255,
  finishedAtMs: systemClock.nowMs(),
  reason: 'Unknown',
  message: '',
});

function exitOf(state: Extract<RuntimeState, { status: 'exited' }>, oom: boolean): ContainerExit {
  if (state.lost)
    return {
      code: 137,
      finishedAtMs: systemClock.nowMs(),
      reason: 'ContainerStatusUnknown',
      message: 'the container ended while its monitor was dead; the exit code is not known',
    };
  const reason = oom ? 'OOMKilled' : state.exitCode === 0 ? 'Completed' : 'Error';
  return { code: state.exitCode, finishedAtMs: state.finishedAtMs, reason, message: '' };
}

/**
 * conmon's mark, or the kernel's own count when the process died by SIGKILL. systemd removes an empty scope at once, perhaps before either has
 * looked: the pod's group has counted too, and what it counts beyond what was told is this container's.
 */
function oomKilled(context: CriContext, record: ContainerRecord, state: Extract<RuntimeState, { status: 'exited' }>): boolean {
  const sandbox = context.sandboxes.get(record.sandboxId);
  const told = sandbox?.oomKills ?? 0;
  const ofPod = sandbox && context.groups.driver === 'systemd' ? cgroups().oomKills(podCgroup(context, sandbox)) : told;
  const isKilled =
    state.oomKilled || (state.exitCode === 137 && (cgroups().oomKills(containerCgroup(context, record)) > 0 || ofPod > told));
  if (sandbox && isKilled && ofPod > told) context.sandboxes.note({ ...sandbox, oomKills: ofPod });
  return isKilled;
}
