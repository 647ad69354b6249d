// Behaviours of the kinds of node.k8s.io/v1.
import {
  deepEqual,
  dns1123Label,
  duplicate,
  invalidValue,
  type KubeObject,
  negativeText,
  type Problem,
  quantitySign,
  required,
  validateLabels,
} from '../meta/index.ts';
import type { Behaviours } from './behaviours.ts';
import { ageColumn, nameColumn, string } from './columns.ts';
import { immutable, texts } from './rules.ts';

function validate(object: KubeObject, old?: KubeObject): Problem[] {
  if (old) return [];
  const handler: string = object['handler'] ?? '';
  const problems = handler === '' ? [required('handler')] : texts('handler', handler, dns1123Label(handler));
  const { nodeSelector, tolerations = [] } = object['scheduling'] ?? {};
  problems.push(...validateLabels(nodeSelector, 'scheduling.nodeSelector'));
  for (const [name, value] of Object.entries(object['overhead']?.podFixed ?? {})) {
    const quantity = value as string;
    if (quantitySign(quantity) < 0) problems.push(invalidValue(`overhead.limits[${name}]`, quantity, negativeText));
  }
  const key = ({ key, operator, value, effect }: any) => ({ key, operator, value, effect });
  tolerations.forEach((toleration: any, i: number) => {
    if (tolerations.findIndex((other: any) => deepEqual(key(other), key(toleration))) < i) {
      problems.push(duplicate(`scheduling.tolerations[${i}]`, toleration));
    }
  });
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
