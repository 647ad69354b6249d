// Whether a container that ended starts again, and when: restart policies and the crash loop's back-off. Pure.
import type { Container, ContainerRestartRule, Pod } from '../../api/gen/types/core.v1.ts';
import { isSidecar } from '../../kit/pods/index.ts';

export const BACKOFF_BASE_MS = 10_000;
export const BACKOFF_MAX_MS = 300_000;
/** Exit code after SIGKILL. */
export const KILLED = 137;

/** The first rule of the container that speaks about this exit; an exit with 0 is never one. */
export function matchingRule(container: Container, exitCode: number): ContainerRestartRule | undefined {
  if (exitCode === 0) return undefined;
  return container.restartPolicyRules?.find(({ exitCodes }) => {
    const listed = exitCodes?.values?.includes(exitCode) ?? false;
    return exitCodes?.operator === 'In' ? listed : exitCodes?.operator === 'NotIn' && !listed;
  });
}

/** `isInit`: under the pod policy Always a failed init container starts again, but one that succeeded is done. */
export function restarts(pod: Pod, container: Container, exitCode: number, isInit: boolean): boolean {
  if (matchingRule(container, exitCode)) return true;
  const policy = container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always';
  if (isInit && !isSidecar(container)) return exitCode !== 0 && policy !== 'Never';
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

export interface Backoff {
  delayMs: number;
  /** When the delay was last raised. */
  raisedAtMs: number;
}

/** The back-off holds a container that ended at `endedAtMs` until this time; undefined: it may start. A good run of twice the maximum clears it. */
export function heldUntilMs(backoff: Backoff | undefined, endedAtMs: number): number | undefined {
  if (!backoff || endedAtMs - backoff.raisedAtMs > 2 * BACKOFF_MAX_MS) return undefined;
  return endedAtMs + backoff.delayMs;
}

/** What holds after the container, which ended at `endedAtMs`, is started again at `nowMs`. */
export function raised(backoff: Backoff | undefined, endedAtMs: number, nowMs: number): Backoff {
  const fresh = !backoff || endedAtMs - backoff.raisedAtMs > 2 * BACKOFF_MAX_MS;
  return { delayMs: fresh ? BACKOFF_BASE_MS : Math.min(BACKOFF_MAX_MS, backoff.delayMs * 2), raisedAtMs: nowMs };
}

/** After the agent itself has restarted: as if the container had crashed each time without a good run in between. */
export const recovered = (restartCount: number, startedAtMs: number): Backoff | undefined =>
  restartCount === 0
    ? undefined
    : { delayMs: Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** Math.min(restartCount - 1, 10)), raisedAtMs: startedAtMs };
