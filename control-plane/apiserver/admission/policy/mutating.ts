// MutatingAdmissionPolicy: before mutating webhooks, one after the other, each sees what those before it changed
// (apiserver/pkg/admission/plugin/policy/mutating).
import { deepEqual, internalError, type KubeObject, StatusError } from '../../../../api/meta/index.ts';
import type { Authorizer } from '../../authz/index.ts';
import type { ServerServices } from '../../handlers.ts';
import type { AdmissionPlugin, Attributes } from '../../request.ts';
import { refused } from '../attributes.ts';
import { type Reinvocation, Rounds, type View, viewOf } from '../webhook/index.ts';
import { constrainedKind, isExcluded } from './constraints.ts';
import { type Active, activePolicies, type Binding, type Policy } from './definitions.ts';
import { conditionsOf, evaluationOf, namespaceFor } from './invocation.ts';
import { mutated } from './mutation.ts';
import { paramsOf } from './params.ts';

/** A policy's failure: the request is refused unless the policy ignores failures. */
interface Failure {
  readonly text: string;
  readonly reason: 'Invalid' | 'Forbidden';
}

export class MutatingPolicies implements AdmissionPlugin {
  readonly name = 'MutatingAdmissionPolicy';
  readonly ofUsers = true;
  readonly #services: ServerServices;
  readonly #authorizer: Authorizer;
  readonly #rounds = new Rounds();

  constructor(services: ServerServices, authorizer: Authorizer) {
    this.#services = services;
    this.#authorizer = authorizer;
  }

  admit(attributes: Attributes): Promise<void> | undefined {
    const active = activePolicies(this.#services.reader, 'mutating');
    return active.length === 0 || isExcluded(attributes) ? undefined : this.#applyAll(active, attributes);
  }

  async #applyAll(active: readonly Active[], attributes: Attributes): Promise<void> {
    const round = this.#rounds.begin(attributes);
    const failures: Failure[] = [];
    for (const one of active) failures.push(...(await this.#apply(one, attributes, round)));
    round.end(attributes.object);
    if (failures.length > 0) throw refusal(attributes, failures);
  }

  async #apply({ policy, bindings }: Active, attributes: Attributes, round: Reinvocation): Promise<Failure[]> {
    const failures: Failure[] = [];
    const fail = (why: string, reason: Failure['reason'], binding?: Binding): void => {
      if (!policy.ignoresFailures) failures.push({ text: denied(policy, binding, why), reason });
    };
    try {
      const kind = await constrainedKind(policy.constraints, attributes, this.#services);
      if (kind === undefined) return failures;
      for (const binding of bindings) {
        try {
          if (binding.matchResources && !(await constrainedKind(binding.matchResources, attributes, this.#services))) continue;
          const params = await paramsOf(policy, binding.paramRef, attributes, this.#services);
          for (const param of params) {
            const id = `${policy.name}/${binding.name}/${param?.metadata.namespace ?? ''}/${param?.metadata.name ?? ''}`;
            const view = await viewOf(attributes, kind, this.#services);
            await this.#invoke(policy, attributes, view, param, { id, binding, round, fail: (why) => fail(why, 'Invalid', binding) });
          }
        } catch (error) {
          if (error instanceof StatusError) throw error;
          fail(`failed to configure binding: ${(error as Error).message}`, 'Forbidden', binding);
        }
      }
    } catch (error) {
      if (error instanceof StatusError) throw error;
      fail(`failed to configure policy: ${(error as Error).message}`, 'Forbidden');
    }
    return failures;
  }

  /** Mutations in their order; those after a failed one are still applied, as upstream has it. */
  async #invoke(
    policy: Policy,
    attributes: Attributes,
    view: View,
    param: KubeObject | undefined,
    { id, binding, round, fail }: { id: string; binding: Binding; round: Reinvocation; fail(why: string): void },
  ): Promise<void> {
    const namespace = await namespaceFor(attributes, this.#services.reader);
    const about = { attributes, authorizer: this.#authorizer, namespace, param };
    const { holds, error } = conditionsOf(policy, { ...about, seen: view });
    if (error !== undefined) fail(error);
    if (!holds || (attributes.round === 1 && !round.wants(id)) || view.object === undefined) return;
    let object = view.object;
    for (const mutation of policy.mutations) {
      const started = performance.now();
      let why: string | undefined;
      try {
        const next = mutated(
          mutation,
          object,
          evaluationOf(policy, { ...about, seen: { ...view, object } }),
          this.#services.served(view.kind)?.schema,
        );
        object = this.#services.shaped(next, view.kind);
        if (attributes.objectKind === attributes.kind) view.resource.defaults?.(object);
      } catch (failure) {
        why = (failure as Error).message;
        fail(why);
      }
      this.#services.admissionMetrics.mutation(policy.name, binding.name, why, (performance.now() - started) / 1000);
    }
    if (!deepEqual(view.object, object)) {
      round.changed();
      attributes.again = true;
      attributes.object = await this.#inRequestVersion(attributes, view, object);
    }
    if (policy.reinvoked) round.asked(id);
  }

  async #inRequestVersion({ kind, objectKind }: Attributes, view: View, object: KubeObject): Promise<KubeObject> {
    if (view.resource === kind || objectKind !== kind) return object;
    try {
      return await this.#services.convert(object, view.resource, kind);
    } catch (error) {
      throw internalError(`failed to convert object: ${(error as Error).message}`);
    }
  }
}

const denied = (policy: Policy, binding: Binding | undefined, why: string): string =>
  binding
    ? `policy '${policy.name}' with binding '${binding.name}' denied request: ${why}`
    : `policy ${JSON.stringify(policy.name)} denied request: ${why}`;

/** The first failure is the message, all of them are causes. */
function refusal(attributes: Attributes, failures: readonly Failure[]): StatusError {
  const [first] = failures;
  const { code, details } = refused(attributes, 'admission request denied by policy');
  return new StatusError(code, first!.reason, first!.text, { ...details, causes: failures.map(({ text }) => ({ message: text })) });
}
