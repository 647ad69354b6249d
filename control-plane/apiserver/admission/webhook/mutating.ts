// Mutating webhooks: one after the other, each sees what those before it changed (upstream's mutating/dispatcher.go).
import { deepEqual, goJson, internalError, type KubeObject, StatusError } from '../../../../api/meta/index.ts';
import type { Authorizer } from '../../authz/index.ts';
import type { ServerServices } from '../../handlers.ts';
import type { AdmissionPlugin, Attributes } from '../../request.ts';
import { isAdmissionConfiguration } from '../matching.ts';
import { ask } from './ask.ts';
import { HookFailure } from './errors.ts';
import { type ConfiguredHook, type Hook, hooksOf } from './hooks.ts';
import { invocationOf, viewOf } from './invocation.ts';
import { observed, waitingForOthers } from './observe.ts';
import { operationsOf, patched } from './patch.ts';
import { Rounds } from './reinvocation.ts';
import type { View } from './review.ts';

const ANNOTATION = 'mutation.webhook.admission.k8s.io/';
const PATCH_ANNOTATION = 'patch.webhook.admission.k8s.io/';

export class MutatingWebhooks implements AdmissionPlugin {
  readonly name = 'MutatingAdmissionWebhook';
  readonly ofUsers = true;
  readonly #services: ServerServices;
  readonly #authorizer: Authorizer;
  readonly #rounds = new Rounds();

  constructor(services: ServerServices, authorizer: Authorizer) {
    this.#services = services;
    this.#authorizer = authorizer;
  }

  admit(attributes: Attributes): Promise<void> | undefined {
    const hooks = hooksOf(this.#services.reader, 'mutating');
    return hooks.length === 0 || isAdmissionConfiguration(attributes) ? undefined : this.#askAll(hooks, attributes);
  }

  async #askAll(hooks: readonly ConfiguredHook[], attributes: Attributes): Promise<void> {
    const round = this.#rounds.begin(attributes);
    for (const [i, hook] of hooks.entries()) {
      const view = await invocationOf(
        hook,
        attributes,
        this.#services,
        (kind) => viewOf(attributes, kind, this.#services),
        this.#authorizer,
      );
      // The second round is for those who were asked in the first.
      if (view === undefined || (attributes.round === 1 && !round.wants(hook.id))) continue;
      if (await this.#mutate(hook, attributes, view, `round_${attributes.round}_index_${i}`)) {
        round.changed();
        attributes.again = true;
      }
      if (hook.hook.reinvocationPolicy === 'IfNeeded') round.asked(hook.id);
    }
    round.end(attributes.object);
  }

  /** Whether the object changed. Throws the StatusError of a refusal or of a failure that its policy does not ignore. */
  async #mutate({ hook, configuration }: ConfiguredHook, attributes: Attributes, view: View, at: string): Promise<boolean> {
    let changed = false;
    try {
      const call = () => this.#changed(hook, configuration, attributes, view, at);
      const asked = () => observed(this.#services.webhookMetrics, 'admit', hook, attributes, call);
      changed = await waitingForOthers(attributes, asked);
    } catch (error) {
      if (!(error instanceof HookFailure)) throw error;
      if (hook.failurePolicy !== 'Ignore') throw error.toStatusError();
      this.#services.log.warn({ err: error }, 'failed calling webhook, failing open');
      attributes.annotate(`failed-open.${ANNOTATION}${at}`, hook.name);
      if (attributes.signal.aborted) throw new StatusError(504, 'Timeout', 'request did not complete within requested timeout');
    } finally {
      attributes.annotate(ANNOTATION + at, goJson({ configuration, webhook: hook.name, mutated: changed }));
    }
    return changed;
  }

  /** Asks, and puts the patch on the object. Whether it changed. */
  async #changed(hook: Hook, configuration: string, attributes: Attributes, view: View, at: string): Promise<boolean> {
    const operations = operationsOf(hook, await ask(this.#services.webhooks, hook, attributes, view, true));
    if (operations === undefined) return false;
    const next = patched(hook, view.object, operations);
    const changed = !deepEqual(view.object, next);
    if (changed) attributes.object = await this.#inRequestVersion(attributes, view, next);
    const shown = { configuration, webhook: hook.name, patch: operations, patchType: 'JSONPatch' };
    attributes.annotate(PATCH_ANNOTATION + at, goJson(shown));
    return changed;
  }

  async #inRequestVersion({ kind, objectKind }: Attributes, view: View, object: KubeObject): Promise<KubeObject> {
    try {
      const shaped = this.#services.shaped(object, view.kind);
      if (objectKind !== kind) return shaped;
      view.resource.defaults?.(shaped);
      return view.resource === kind ? shaped : await this.#services.convert(shaped, view.resource, kind);
    } catch (error) {
      throw internalError((error as Error).message);
    }
  }
}
