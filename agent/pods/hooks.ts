// postStart and preStop: a command, an HTTP GET or a sleep.
import type { Container, LifecycleHandler } from '../../api/gen/types/core.v1.ts';
import type { Clock } from '../../kit/run/index.ts';
import type { Cri } from '../cri/index.ts';
import { actionUrl, httpCheck } from './http-check.ts';

export interface HookPlace {
  cri: Cri;
  clock: Clock;
  containerId: string;
  container: Container;
  podIP: string;
  signal: AbortSignal;
}

/** Runs the hook to its end. @throws Error when it fails or takes longer than `timeoutMs` */
export async function runHook(hook: LifecycleHandler, place: HookPlace, timeoutMs: number): Promise<void> {
  if (hook.exec) {
    const command = hook.exec.command ?? [];
    const { exitCode, stdout, stderr } = await place.cri.execSync(place.containerId, command, timeoutMs, 4096);
    if (exitCode !== 0) throw new Error(`command '${command.join(' ')}' exited with ${exitCode}: ${stderr}, message: "${stdout}${stderr}"`);
  } else if (hook.sleep) {
    await place.clock.sleep(Math.min(hook.sleep.seconds * 1000, timeoutMs), place.signal);
  } else if (hook.httpGet) {
    const answer = await httpCheck(
      actionUrl(hook.httpGet, place.container, place.podIP),
      hook.httpGet.httpHeaders ?? [],
      timeoutMs,
      'kube-lifecycle/1.36',
    );
    // Any answer will do for a hook; only no answer fails it.
    if (!answer.ok && !answer.erred && !answer.text.startsWith('HTTP probe failed')) throw new Error(answer.text);
  }
}
