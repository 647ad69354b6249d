// StartContainer: the runtime makes the process and lets it go. A command that cannot be started ends the container with 128, and the
// runtime's sentence as its message, as kubelet expects.
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { expectGroupMove } from '../../kit/linux/index.ts';
import { step, systemClock } from '../../kit/run/index.ts';
import { recordExit } from './container-exit.ts';
import { containerSpec } from './container-spec.ts';
import { type CriContext, containerCgroup, messageOf, mustContainer, mustSandbox } from './context.ts';
import { mountRootfs } from './create-container.ts';
import { CriError } from './cri.ts';
import { mountImageVolumes } from './mounts.ts';
import type { ContainerRecord } from './records.ts';
import { toCgroupLimits } from './resources.ts';
import { restorePodLimits } from './restore-limits.ts';

const START_ERROR = 128;
// the sentences below are containerd's: tools and people know them by heart, and Kubernetes shows them as they are

export async function startContainer(context: CriContext, id: string): Promise<void> {
  await context.turns.take(`container/${id}`, async () => {
    const record = mustContainer(context, id);
    if (record.exit) throw new CriError('RunContainerError', `container ${id} has ended already`);
    const { status } = context.runtime.state(id);
    if (status === 'running') return;
    if (status === 'created') return await letGo(context, record);
    const sandbox = mustSandbox(context, record.sandboxId);
    const logPath = logPathOf(context, record);
    const { runtimeHandler = '' } = sandbox.config;
    expectGroupMove();
    try {
      mountRootfs(context, record);
      mountImageVolumes(context, record);
      mkdirSync(dirname(logPath), { recursive: true });
      const { stdin = false, stdinOnce = false, metadata } = record.config;
      const spec = containerSpec(context, record, sandbox);
      await context.runtime.create({
        id,
        name: metadata.name,
        spec,
        logPath,
        stdin,
        keepStdinOpen: stdin && !stdinOnce,
        ...(context.runtime.handlers.includes(runtimeHandler) ? { handler: runtimeHandler } : {}),
      });
      // crun 1.8 tells systemd a part of them only, and what it does not know it takes away at a reload
      if (context.groups.driver === 'systemd') {
        const limits = toCgroupLimits(record.config.linux?.resources ?? {});
        await context.groups.apply(containerCgroup(context, record), { ...limits, devices: spec.linux.resources.devices ?? [] });
        restorePodLimits(context, sandbox);
      }
    } catch (error) {
      return await fail(
        context,
        record,
        `failed to create containerd task: failed to create shim task: OCI runtime create failed: ${messageOf(error)}: unknown`,
        error,
      );
    }
    await letGo(context, record);
  });
}

async function letGo(context: CriContext, record: ContainerRecord): Promise<void> {
  const { id, sandboxId } = record;
  const started = { ...record, startedAtMs: record.startedAtMs ?? systemClock.nowMs() };
  try {
    // In the record's turn: an end that comes at once is told after the start.
    await context.turns.take(`record/${id}`, async () => {
      step('container.started-record', () => context.containers.put(started));
      await step('runtime.start', () => context.runtime.start(id));
      context.events.emit({ type: 'started', containerId: id, sandboxId });
    });
  } catch (error) {
    return await fail(
      context,
      started,
      `failed to start containerd task "${id}": OCI runtime start failed: ${messageOf(error)}: unknown`,
      error,
    );
  }
}

async function fail(context: CriContext, record: ContainerRecord, message: string, cause: unknown): Promise<never> {
  await recordExit(context, record, { code: START_ERROR, finishedAtMs: systemClock.nowMs(), reason: 'StartError', message });
  throw new CriError('RunContainerError', message, cause);
}

export function logPathOf(context: CriContext, record: ContainerRecord): string {
  const sandbox = context.sandboxes.get(record.sandboxId);
  const { logPath } = record.config;
  return logPath && sandbox?.config.logDirectory
    ? `${sandbox.config.logDirectory}/${logPath}`
    : `${context.containers.folder(record.id)}/log`;
}
