// Validating webhooks: all at once; the first refusal in their order is the answer (upstream's validating/dispatcher.go).
import type { Authorizer } from '../../authz/index.ts';
import type { ServerServices } from '../../handlers.ts';
import type { AdmissionPlugin, Attributes } from '../../request.ts';
import { isAdmissionConfiguration } from '../matching.ts';
import { ask } from './ask.ts';
import { HookFailure } from './errors.ts';
import { type ConfiguredHook, type Hook, hooksOf } from './hooks.ts';
import { invocationOf, viewsOf } from './invocation.ts';
import { observed, waitingForOthers } from './observe.ts';
import type { View } from './review.ts';

const FAILED_OPEN = 'failed-open.validating.webhook.admission.k8s.io/';

export class ValidatingWebhooks implements AdmissionPlugin {
  readonly name = 'ValidatingAdmissionWebhook';
  readonly ofUsers = true;
  readonly #services: ServerServices;
  readonly #authorizer: Authorizer;

  constructor(services: ServerServices, authorizer: Authorizer) {
    this.#services = services;
    this.#authorizer = authorizer;
  }

  validate(attributes: Attributes): Promise<undefined> | undefined {
    const hooks = hooksOf(this.#services.reader, 'validating');
    return hooks.length === 0 || isAdmissionConfiguration(attributes) ? undefined : this.#askAll(hooks, attributes);
  }

  async #askAll(hooks: readonly ConfiguredHook[], attributes: Attributes): Promise<undefined> {
    const views = viewsOf(attributes, this.#services);
    const invocations: { hook: Hook; view: View }[] = [];
    for (const hook of hooks) {
      const view = await invocationOf(hook, attributes, this.#services, views, this.#authorizer);
      if (view !== undefined) invocations.push({ hook: hook.hook, view });
    }
    if (invocations.length === 0) return;
    const asked = () => Promise.allSettled(invocations.map(({ hook, view }, i) => this.#validate(hook, attributes, view, i)));
    const results = await waitingForOthers(attributes, asked);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  async #validate(hook: Hook, attributes: Attributes, view: View, index: number): Promise<void> {
    try {
      const { webhooks, webhookMetrics } = this.#services;
      await observed(webhookMetrics, 'validating', hook, attributes, () => ask(webhooks, hook, attributes, view, false));
    } catch (error) {
      if (!(error instanceof HookFailure)) throw error;
      if (hook.failurePolicy !== 'Ignore') throw error.toStatusError();
      if (error.canceled) return;
      this.#services.log.warn({ err: error }, 'failed calling webhook, failing open');
      attributes.annotate(`${FAILED_OPEN}round_0_index_${index}`, hook.name);
    }
  }
}
