// The step `start-container`: one attempt of a container; what it replaces is forgotten once it runs.
import { join } from 'node:path';
import type { EphemeralContainer } from '../../api/gen/types/core.v1.ts';
import type { ContainerStatus } from '../cri/index.ts';
import { forgetContainer } from './garbage.ts';
import { findContainer, podText } from './names.ts';
import { writePodFiles } from './pod-files.ts';
import { startContainer } from './start-container.ts';
import { StartProblem } from './start-problem.ts';
import { newest, type StepOf } from './step.ts';
import type { Seen, StepContext } from './step-context.ts';

/** A failure holds back the next try. */
export async function performStart(context: StepContext, step: StepOf<'start-container'>, seen: Seen, signal: AbortSignal): Promise<void> {
  const { tools, holds } = context;
  const { clock, cluster, log, podsDir, pulls } = tools;
  const found = findContainer(context.pod, step.name);
  const { sandbox } = seen;
  if (!found || !sandbox) return;
  const mine = seen.containers.filter(({ metadata }) => metadata.name === step.name);
  const last = newest(mine, step.name);
  try {
    const image = context.firstImage.take(pulls, context.pod, found.container);
    context.files ??= writePodFiles(join(podsDir, context.uid), context.pod, sandbox.ips, cluster);
    let startedId = '';
    const isWell = await startContainer(tools, context.pod, found.container, {
      attempt: step.attempt,
      sandbox,
      place: context.place,
      volumePaths: context.volumes.paths ?? new Map(),
      files: context.files,
      image: abortable(image, signal),
      targetId: targetOf(found.container, seen),
      signal,
      onStarted: (id) => {
        startedId = id;
        if (last) holds.restarted(step.name, last, clock.nowMs());
        holds.cleared(step.name);
        context.wake();
      },
    });
    if (!isWell) context.condemned.byHook(context.pod, startedId);
    // The last attempt is kept for lastState and `logs --previous`, older ones are not.
    for (const record of mine) if (record.metadata.attempt < step.attempt - 1) await forget(context, record);
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof StartProblem)) throw error;
    holds.failed(step.name, error, clock.nowMs());
    if (error.cause) log.warn({ err: error, pod: podText(context.pod), container: step.name }, 'container not started');
  }
}

/** The running container that an ephemeral one is to look into. */
function targetOf({ targetContainerName }: EphemeralContainer, seen: Seen): string | undefined {
  const record = targetContainerName ? newest(seen.containers, targetContainerName) : undefined;
  return record?.state === 'running' ? record.id : undefined;
}

async function forget({ condemned, tools, messages }: StepContext, record: ContainerStatus): Promise<void> {
  messages.delete(record.id);
  condemned.forget(record.id);
  await forgetContainer(tools.cri, record);
}

/** The promise, or the abort reason when that comes first. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
}
