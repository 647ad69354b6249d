// The step `create-sandbox`: namespaces, network and group of the pod, and the files that show its addresses.
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { backoffMs, step } from '../../kit/run/index.ts';
import { writePodFiles } from './pod-files.ts';
import { runtimeHandler } from './runtime-handler.ts';
import { sandboxConfig } from './sandbox-config.ts';
import { StartProblem } from './start-problem.ts';
import { SANDBOX } from './step.ts';
import type { StepContext } from './step-context.ts';
import { usersOf } from './user-namespaces.ts';

/** A failure becomes an event and holds back the next try. */
export async function createSandbox(context: StepContext, attempt: number): Promise<void> {
  const { pod, tools, holds } = context;
  const { client, clock, cluster, cri, events, podsDir } = tools;
  try {
    await setImmediate(); // requests that were just made, such as for a token, leave before a sandbox is made in one go
    const runtime = await runtimeHandler(pod, client, cri);
    const users = pod.spec?.hostUsers === false ? step('pod.users', () => usersOf(podsDir, context.uid)) : undefined;
    const config = { ...sandboxConfig(pod, attempt, tools, users), ...(runtime ? { runtimeHandler: runtime } : {}) };
    const id = await step('sandbox', () => cri.runPodSandbox(config));
    holds.cleared(SANDBOX);
    // Written now, while the volumes are still being made.
    const { ips } = await cri.podSandboxStatus(id);
    context.files = step('pod.files', () => writePodFiles(join(podsDir, context.uid), context.pod, ips, cluster));
    for (const problem of context.files.dnsProblems) events.pod(context.pod, 'Warning', 'DNSConfigForming', problem);
  } catch (error) {
    const message = `Failed to create pod sandbox: ${error instanceof Error ? error.message : String(error)}`;
    events.pod(context.pod, 'Warning', 'FailedCreatePodSandBox', message);
    const retryMs = backoffMs(holds.countFailure(SANDBOX), 1000, 60_000);
    holds.failed(SANDBOX, new StartProblem('FailedCreatePodSandBox', message, retryMs), clock.nowMs());
  }
}
