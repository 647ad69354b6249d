// Behaviours of the kinds of node.k8s.io/v1.
import { deepEqual, dns1123Label, duplicate, type KubeObject, type Problem, required, validateLabels } from '../meta/index.ts';
import type { Behaviours } from './behaviours.ts';
import { ageColumn, nameColumn, string } from './columns.ts';
import { validateResources } from './core/pod-spec/validate-resources.ts';
import { validateTolerations } from './core/taints.ts';
import { immutable, texts } from './rules.ts';

/** As findings print it. */
const goToleration = ({ key = '', operator = '', value = '', effect = '', tolerationSeconds = null }: any): object => ({
  Key: key,
  Operator: operator,
  Value: value,
  Effect: effect,
  TolerationSeconds: tolerationSeconds,
});

function validate(object: KubeObject, old?: KubeObject): Problem[] {
  if (old) return [];
  const handler: string = object['handler'] ?? '';
  const problems = handler === '' ? [required('handler')] : texts('handler', handler, dns1123Label(handler));
  const { nodeSelector, tolerations = [] } = object['scheduling'] ?? {};
  problems.push(...validateLabels(nodeSelector, 'scheduling.nodeSelector'));
  const { podFixed } = object['overhead'] ?? {};
  problems.push(...validateTolerations(tolerations, 'scheduling.tolerations'));
  const key = ({ key, operator, value, effect }: any) => ({ key, operator, value, effect });
  tolerations.forEach((toleration: any, i: number) => {
    if (tolerations.findIndex((other: any) => deepEqual(key(other), key(toleration))) < i) {
      problems.push(duplicate(`scheduling.tolerations[${i}]`, goToleration(toleration)));
    }
  });
  if (podFixed) problems.push(...validateResources({ limits: podFixed }, new Set(), 'overhead'));
  return problems;
}

export const node: Behaviours = {
  RuntimeClass: {
    validate,
    validateUpdate: (object, old) => immutable('handler', object['handler'], old['handler']),
    unconditionalUpdate: false,
    createOnUpdate: true,
    columns: [nameColumn, string('Handler', (object) => object['handler'] ?? ''), ageColumn],
  },
};
