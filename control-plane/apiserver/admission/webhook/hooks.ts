// The webhooks of all configurations, in the order in which they are asked: configurations by name, then as they are listed.
import type { KubeObject } from '../../../../api/meta/index.ts';
import type { Reader } from '../../request.ts';
import type { ClientConfig } from '../../webhook/index.ts';
import type { ResourceRule } from '../matching.ts';

interface MatchCondition {
  name: string;
  expression: string;
}

/** MutatingWebhook and ValidatingWebhook of admissionregistration.k8s.io/v1, with their defaults filled in. */
export interface Hook {
  name: string;
  clientConfig: ClientConfig;
  rules?: ResourceRule[];
  failurePolicy?: 'Fail' | 'Ignore';
  matchPolicy?: 'Exact' | 'Equivalent';
  namespaceSelector?: object;
  objectSelector?: object;
  sideEffects?: string;
  timeoutSeconds?: number;
  admissionReviewVersions: string[];
  matchConditions?: MatchCondition[];
  reinvocationPolicy?: 'Never' | 'IfNeeded';
}

export interface ConfiguredHook {
  readonly hook: Hook;
  /** Of the configuration. */
  readonly configuration: string;
  /** Tells hooks of one configuration apart. */
  readonly id: string;
}

export type HookPhase = 'mutating' | 'validating';

const RESOURCES = {
  mutating: { group: 'admissionregistration.k8s.io', plural: 'mutatingwebhookconfigurations' },
  validating: { group: 'admissionregistration.k8s.io', plural: 'validatingwebhookconfigurations' },
};
const NONE: readonly ConfiguredHook[] = [];
const read = new WeakMap<KubeObject, readonly ConfiguredHook[]>();

/** Straight from the watch cache, which is in the order of names: a change counts for the very next request. */
export function hooksOf(reader: Reader, phase: HookPhase): readonly ConfiguredHook[] {
  const configurations = reader.list(RESOURCES[phase]);
  return configurations.length === 0 ? NONE : configurations.flatMap(hooksIn);
}

function hooksIn(configuration: KubeObject): readonly ConfiguredHook[] {
  let hooks = read.get(configuration);
  if (hooks === undefined) {
    const { name = '' } = configuration.metadata;
    hooks = ((configuration['webhooks'] ?? []) as Hook[]).map((hook, i) => ({
      hook,
      configuration: name,
      id: `${name}/${hook.name}/${i}`,
    }));
    read.set(configuration, hooks);
  }
  return hooks;
}
