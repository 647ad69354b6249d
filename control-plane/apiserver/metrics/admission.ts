// How admission plug-ins and policies do: their time, what they refused.
import { Counter, type Family, Histogram, type HistogramSeries } from '../../../kit/metrics/index.ts';

export type Phase = 'admit' | 'validate';
/** What a binding does about a failed validation; `allow`: the policy ignores its own failures. */
export type Enforcement = 'deny' | 'warn' | 'audit' | 'allow';

const PLUGIN_SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5];
const POLICY_SECONDS = [0.0000005, 0.001, 0.01, 0.1, 1];

/** As upstream tells them apart, by the text. */
function errorType(message: string): string {
  if (message.startsWith('compilation')) return 'compile_error';
  return message.startsWith('validation failed due to running out of cost budget') ? 'out_of_budget' : 'internal_error';
}

export class AdmissionMetrics {
  readonly #plugins = new Histogram(
    'apiserver_admission_controller_admission_duration_seconds',
    'Admission controller latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).',
    PLUGIN_SECONDS,
  );
  /** Of those who let pass, by plug-in and operation. */
  readonly #pluginSeries: Readonly<Record<Phase, Map<string, Map<string, HistogramSeries>>>> = { admit: new Map(), validate: new Map() };
  readonly #checks = new Counter(
    'apiserver_validating_admission_policy_check_total',
    'Validation admission policy check total, labeled by policy and further identified by binding and enforcement action taken.',
  );
  readonly #checkSeconds = new Histogram(
    'apiserver_validating_admission_policy_check_duration_seconds',
    'Validation admission latency for individual validation expressions in seconds, labeled by policy and further including binding and enforcement action taken.',
    POLICY_SECONDS,
  );
  readonly #mutations = new Counter(
    'apiserver_mutating_admission_policy_check_total',
    'Mutation admission policy check total, labeled by policy and further identified by binding.',
  );
  readonly #mutationSeconds = new Histogram(
    'apiserver_mutating_admission_policy_check_duration_seconds',
    'Mutation admission latency for individual mutation expressions in seconds, labeled by policy and binding.',
    POLICY_SECONDS,
  );

  get families(): readonly Family[] {
    return [this.#plugins, this.#checks, this.#checkSeconds, this.#mutations, this.#mutationSeconds];
  }

  /** Called some thirty times a write. */
  plugin(name: string, type: Phase, operation: string, rejected: boolean, seconds: number): void {
    const phases = this.#pluginSeries[type];
    let operations = phases.get(name);
    if (operations === undefined) phases.set(name, (operations = new Map()));
    let series = rejected ? undefined : operations.get(operation);
    if (series === undefined) {
      const labels = () => ({ name, operation, rejected: String(rejected), type });
      series = this.#plugins.series(`${name}|${type}|${operation}|${rejected}`, labels);
      if (!rejected) operations.set(operation, series);
    }
    series.observe(seconds);
  }

  /** One validation that failed, or could not be worked out. */
  check(policy: string, binding: string, enforcement: Enforcement, message: string, seconds: number): void {
    const error_type = errorType(message);
    const key = `${policy}|${binding}|${enforcement}|${error_type}`;
    const labels = () => ({ enforcement_action: enforcement, error_type, policy, policy_binding: binding });
    this.#checks.add(key, labels);
    this.#checkSeconds.observe(key, labels, seconds);
  }

  /** One mutation; `failure`: its text. */
  mutation(policy: string, binding: string, failure: string | undefined, seconds: number): void {
    const error_type = failure === undefined ? 'no_error' : errorType(failure);
    const key = `${policy}|${binding}|${error_type}`;
    const labels = () => ({ error_type, policy, policy_binding: binding });
    this.#mutations.add(key, labels);
    this.#mutationSeconds.observe(key, labels, seconds);
  }
}
