// ReopenContainerLog: the log's monitor goes on with a new file, also when nothing is written to it for a while.
import { existsSync } from 'node:fs';
import { waitFor } from '../../kit/run/index.ts';
import { type CriContext, mustContainer } from './context.ts';
import { logPathOf } from './start-container.ts';

const REOPEN_TIMEOUT_MS = 5_000;

export async function reopenContainerLog(context: CriContext, id: string): Promise<void> {
  const path = logPathOf(context, mustContainer(context, id));
  await context.runtime.reopenLog(id);
  await waitFor({ what: `the new log file ${path}`, timeoutMs: REOPEN_TIMEOUT_MS, everyMs: 2 }, () => existsSync(path));
}
