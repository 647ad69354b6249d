// Asks one webhook about one request, and lets what it says beside its verdict take effect: warnings, audit annotations.
import { badRequest } from '../../../../api/meta/index.ts';
import type { Attributes } from '../../request.ts';
import { BadConfig, type WebhookClient, WebhookFailure } from '../../webhook/index.ts';
import { denied, HookFailure } from './errors.ts';
import type { Hook } from './hooks.ts';
import { reviewOf, type Verdict, type View, verdictOf } from './review.ts';

const DEFAULT_TIMEOUT_SECONDS = 10;
const AGENT = 'kube-apiserver-admission';
const WITHOUT_EFFECTS = new Set(['None', 'NoneOnDryRun']);

/** Answers a verdict that allows. Throws HookFailure, or the StatusError of a refusal. */
export async function ask(client: WebhookClient, hook: Hook, attributes: Attributes, view: View, mutating: boolean): Promise<Verdict> {
  if (attributes.dryRun && !WITHOUT_EFFECTS.has(hook.sideEffects ?? ''))
    throw badRequest(`admission webhook ${JSON.stringify(hook.name)} does not support dry run`);
  const review = reviewOf(attributes, view, hook.admissionReviewVersions);
  if (review === undefined) {
    const why = 'webhook does not accept known AdmissionReview versions (v1, v1beta1)';
    throw new HookFailure(hook.name, `could not create admission objects: ${why}`);
  }
  const { signal } = attributes;
  const timeoutSeconds = hook.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
  const answer = await client.post(hook.clientConfig, review.body, { timeoutSeconds, signal, agent: AGENT }).catch((error: unknown) => {
    if (!(error instanceof WebhookFailure)) throw error;
    const what = error instanceof BadConfig ? 'could not get REST client' : 'failed to call webhook';
    throw new HookFailure(hook.name, `${what}: ${error.message}`, error.canceled);
  });
  const verdict = verified(hook.name, () => verdictOf(review, answer, mutating));
  for (const [key, value] of Object.entries(verdict.auditAnnotations ?? {})) attributes.annotate(`${hook.name}/${key}`, String(value));
  attributes.warnings.push(...(verdict.warnings ?? []).map(String));
  if (!verdict.allowed) throw denied(hook.name, verdict.status);
  return verdict;
}

function verified(hook: string, check: () => Verdict): Verdict {
  try {
    return check();
  } catch (error) {
    throw new HookFailure(hook, `received invalid webhook response: ${(error as Error).message}`);
  }
}
