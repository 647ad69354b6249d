// StopContainer: the stop signal, patience, SIGKILL. Resolves when the exit is recorded.
import { constants } from 'node:os';
import { step, waitFor } from '../../kit/run/index.ts';
import { lostExit, noticeExit, recordExit } from './container-exit.ts';
import type { CriContext } from './context.ts';

const KILL_TIMEOUT_MS = 10_000;
const CHECK_MS = 10;

export async function stopContainer(context: CriContext, id: string, timeoutMs: number, signal?: string): Promise<void> {
  const record = context.containers.get(id);
  if (!record || record.exit) return;
  const status = context.runtime.state(id).status;
  if (status === 'none') return record.startedAtMs === undefined ? undefined : await recordExit(context, record, lostExit());
  const number = signalNumber(signal ?? record.stopSignal);
  if (timeoutMs > 0 && step('container.signal', () => context.runtime.kill(id, number))) {
    if (await ended(context, id, timeoutMs, again(context, id, number))) return;
  }
  step('container.kill', () => context.runtime.killAll(id));
  if (!(await ended(context, id, KILL_TIMEOUT_MS))) throw new Error(`container ${id} did not die within ${KILL_TIMEOUT_MS} ms of SIGKILL`);
}

/** To be called now and then after a signal was sent: what was lost, because the program had only just begun, is sent once more. */
function again({ runtime }: CriContext, id: string, signal: number): () => void {
  let isLost = runtime.isDeafTo(id, signal);
  return () => {
    if (!isLost || runtime.isDeafTo(id, signal)) return;
    isLost = false;
    runtime.kill(id, signal);
  };
}

async function ended(context: CriContext, id: string, timeoutMs: number, meanwhile = () => {}): Promise<boolean> {
  return await waitFor({ what: `the end of container ${id}`, timeoutMs, everyMs: CHECK_MS }, async () => {
    meanwhile();
    if (context.runtime.state(id).status === 'exited') await noticeExit(context, id);
    const record = context.containers.get(id);
    return !record || record.exit !== undefined;
  }).catch(() => false);
}

/** `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3`; SIGTERM when it is none of these. */
export function signalNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  const name = text.toUpperCase().replace(/^(?!SIG)/, 'SIG');
  const realTime = /^SIGRTMIN(?:\+(\d+))?$/.exec(name);
  if (realTime) return 34 + Number(realTime[1] ?? 0);
  return (constants.signals as Record<string, number>)[name] ?? constants.signals.SIGTERM;
}
