// Pods stay five minutes on a node that stops being ready or reachable, unless they say otherwise.
import type { AdmissionPlugin } from '../request.ts';
import { concerns } from './attributes.ts';

interface Toleration {
  key?: string;
  operator?: string;
  effect?: string;
  tolerationSeconds?: number;
}

const KEYS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];
const TOLERATION_SECONDS = 300;

/** The given tolerations, with a default for each key that none of them speaks of. */
export function withDefaults(given: readonly Toleration[]): Toleration[] {
  const missing = KEYS.filter((key) => !given.some((t) => (!t.key || t.key === key) && (!t.effect || t.effect === 'NoExecute')));
  return [...given, ...missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: TOLERATION_SECONDS }))];
}

export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  admit(attributes) {
    if (!concerns(attributes, '', 'Pod', 'CREATE', 'UPDATE')) return;
    const spec = attributes.object!['spec'];
    spec.tolerations = withDefaults(spec.tolerations ?? []);
  },
};
