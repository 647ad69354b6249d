// Counts one call of a webhook, however it ends.
import { StatusError } from '../../../../api/meta/index.ts';
import type { WebhookMetrics } from '../../metrics/index.ts';
import type { Attributes } from '../../request.ts';
import { HookFailure } from './errors.ts';
import type { Hook } from './hooks.ts';

/** What the others take is none of the server's own time. */
export async function waitingForOthers<T>(attributes: Pick<Attributes, 'waited'>, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  try {
    return await work();
  } finally {
    attributes.waited?.((performance.now() - started) / 1000);
  }
}

/** Upstream's code of a call that failed. */
const FAILED = 503;

/** `work` throws what became of the call: HookFailure, the StatusError of a refusal, or anything of our own. */
export async function observed<T>(
  metrics: WebhookMetrics,
  type: 'admit' | 'validating',
  hook: Hook,
  { operation }: Attributes,
  work: () => Promise<T>,
): Promise<T> {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const call = { name: hook.name, type, operation, rejected: false, code: 200 };
  try {
    const result = await work();
    metrics.observe(call, seconds());
    return result;
  } catch (error) {
    const failed = error instanceof HookFailure;
    call.rejected = !failed || hook.failurePolicy !== 'Ignore';
    call.code = failed ? FAILED : error instanceof StatusError ? error.code : 0;
    metrics.observe(call, seconds());
    if (!call.rejected) metrics.failOpen(call);
    else
      metrics.reject(
        call,
        failed ? 'calling_webhook_error' : call.code === 0 || call.code === 500 ? 'apiserver_internal_error' : 'no_error',
      );
    throw error;
  }
}
