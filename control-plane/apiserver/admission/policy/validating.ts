// ValidatingAdmissionPolicy: after all changes, before validating webhooks (apiserver/pkg/admission/plugin/policy/validating).
import type { Kind } from '../../../../api/kinds/kind.ts';
import { goJson, StatusError } from '../../../../api/meta/index.ts';
import type { Authorizer } from '../../authz/index.ts';
import type { ServerServices } from '../../handlers.ts';
import type { Enforcement } from '../../metrics/index.ts';
import type { AdmissionPlugin, Attributes } from '../../request.ts';
import { refused } from '../attributes.ts';
import { type ViewIn, viewsOf } from '../webhook/index.ts';
import { constrainedKind, isExcluded } from './constraints.ts';
import { type Denial, failed, judge, NOTHING, type Verdict } from './decisions.ts';
import { type Active, activePolicies, type Binding, type Policy } from './definitions.ts';
import { type About, conditionsOf, evaluationOf, namespaceFor } from './invocation.ts';
import { paramsOf } from './params.ts';

interface Refusal {
  readonly text: string;
  readonly reason: string;
}

const CODES: Readonly<Record<string, number>> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413, Invalid: 422 };
const ANNOTATION_MAX = 10 * 1024;

export class ValidatingPolicies implements AdmissionPlugin {
  readonly name = 'ValidatingAdmissionPolicy';
  readonly ofUsers = true;
  readonly #services: ServerServices;
  readonly #authorizer: Authorizer;

  constructor(services: ServerServices, authorizer: Authorizer) {
    this.#services = services;
    this.#authorizer = authorizer;
  }

  validate(attributes: Attributes): Promise<undefined> | undefined {
    const active = activePolicies(this.#services.reader, 'validating');
    return active.length === 0 || isExcluded(attributes) ? undefined : this.#checkAll(active, attributes);
  }

  async #checkAll(active: readonly Active[], attributes: Attributes): Promise<undefined> {
    const views = viewsOf(attributes, this.#services);
    const refusals: Refusal[] = [];
    for (const one of active) refusals.push(...(await this.#refusals(one, attributes, views)));
    const [first] = refusals;
    if (first) throw refusal(attributes, first);
  }

  /** `seconds`: of all its validations; what each took alone is not measured. */
  #count(policy: Policy, binding: Binding, { denials, ignored }: Verdict, seconds: number): void {
    const { admissionMetrics } = this.#services;
    for (const message of ignored) admissionMetrics.check(policy.name, binding.name, 'allow', message, seconds);
    for (const { message } of denials)
      for (const action of binding.validationActions)
        admissionMetrics.check(policy.name, binding.name, action.toLowerCase() as Enforcement, message, seconds);
  }

  async #refusals({ policy, bindings }: Active, attributes: Attributes, views: ViewIn): Promise<Refusal[]> {
    const misconfigured = (error: unknown, binding?: Binding): Refusal[] => {
      const why = `failed to configure ${binding ? 'binding' : 'policy'}: ${(error as Error).message}`;
      return policy.ignoresFailures ? [] : [{ text: denied(policy, binding, why), reason: 'Invalid' }];
    };
    let kind: Kind | undefined;
    try {
      kind = await constrainedKind(policy.constraints, attributes, this.#services);
    } catch (error) {
      return misconfigured(error);
    }
    if (kind === undefined) return [];
    const namespace = await namespaceFor(attributes, this.#services.reader);
    const annotations = new Map<string, Set<string>>();
    const refusals: Refusal[] = [];
    for (const binding of bindings) {
      let verdicts: Verdict[];
      try {
        if (binding.matchResources && !(await constrainedKind(binding.matchResources, attributes, this.#services))) continue;
        const params = await paramsOf(policy, binding.paramRef, attributes, this.#services);
        const seen = await views(kind);
        verdicts = params.map((param) => {
          const started = performance.now();
          const verdict = verdictOf(policy, { attributes, seen, authorizer: this.#authorizer, namespace, param });
          this.#count(policy, binding, verdict, (performance.now() - started) / 1000);
          return verdict;
        });
      } catch (error) {
        refusals.push(...misconfigured(error, binding));
        continue;
      }
      for (const verdict of verdicts) {
        for (const denial of verdict.denials) refusals.push(...act(policy, binding, denial, attributes));
        for (const { message, reason } of verdict.failures) refusals.push({ text: denied(policy, binding, message), reason });
        for (const { key, value } of verdict.annotations) {
          const values = annotations.get(key) ?? new Set();
          annotations.set(key, values.add(value.slice(0, ANNOTATION_MAX)));
        }
      }
    }
    for (const [key, values] of annotations) attributes.annotate(`${policy.name}/${key}`, [...values].join(', '));
    return refusals;
  }
}

/** Audit annotations have a budget of their own. */
function verdictOf(policy: Policy, about: About): Verdict {
  const { holds, error } = conditionsOf(policy, about);
  if (error !== undefined) return failed(policy, error);
  if (!holds) return NOTHING;
  return judge(policy, evaluationOf(policy, about), evaluationOf(policy, about));
}

const denied = (policy: Policy, binding: Binding | undefined, why: string): string =>
  `ValidatingAdmissionPolicy '${policy.name}'${binding ? ` with binding '${binding.name}'` : ''} denied request: ${why}`;

/** What the binding does about a denial; the refusals among it. */
function act(policy: Policy, binding: Binding, { index, message, reason }: Denial, attributes: Attributes): Refusal[] {
  const refusals: Refusal[] = [];
  for (const action of binding.validationActions) {
    if (action === 'Deny') refusals.push({ text: denied(policy, binding, message), reason });
    else if (action === 'Warn')
      attributes.warnings.push(
        `Validation failed for ValidatingAdmissionPolicy '${policy.name}' with binding '${binding.name}': ${message}`,
      );
    else {
      const failure = {
        message,
        policy: policy.name,
        binding: binding.name,
        expressionIndex: index,
        validationActions: binding.validationActions,
      };
      attributes.annotate('validation.policy.admission.k8s.io/validation_failure', goJson([failure]));
    }
  }
  return refusals;
}

function refusal(attributes: Attributes, { text, reason }: Refusal): StatusError {
  const { message, details } = refused(attributes, text);
  return new StatusError(CODES[reason] ?? 422, reason, message, { ...details, causes: [{ message: text }] });
}
