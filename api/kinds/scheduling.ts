// Behaviours of the kinds of scheduling.k8s.io/v1.
import { forbiddenField, type KubeObject, notSupported, type Problem } from '../meta/index.ts';
import type { Behaviours } from './behaviours.ts';
import { ageColumn, boolean, integer, nameColumn, string } from './columns.ts';
import { immutable, setDefaults } from './rules.ts';

const highestOfUsers = 1_000_000_000;
const system: Readonly<Record<string, number>> = { 'system-node-critical': 2_000_001_000, 'system-cluster-critical': 2_000_000_000 };

function systemNameProblem({ metadata, value, globalDefault }: KubeObject): string | undefined {
  const name = metadata.name!;
  const expected = system[name];
  if (expected === undefined) return `${name} is not a known system priority class`;
  if (value !== expected) return `value of ${name} PriorityClass must be ${expected}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

function validate(object: KubeObject): Problem[] {
  const problems: Problem[] = [];
  if (object.metadata.name?.startsWith('system-')) {
    const wrong = systemNameProblem(object);
    const why = "priority class names with 'system-' prefix are reserved for system use only. error: ";
    if (wrong !== undefined) problems.push(forbiddenField('metadata.name', why + wrong));
  } else if ((object['value'] ?? 0) > highestOfUsers) {
    problems.push(forbiddenField('value', `maximum allowed value of a user defined priority is ${highestOfUsers}`));
  }
  const policy = object['preemptionPolicy'];
  if (policy && policy !== 'PreemptLowerPriority' && policy !== 'Never') {
    problems.push(notSupported('preemptionPolicy', policy, ['PreemptLowerPriority', 'Never']));
  }
  return problems;
}

export const scheduling: Behaviours = {
  PriorityClass: {
    defaults: (object) => setDefaults(object, { preemptionPolicy: 'PreemptLowerPriority' }),
    validate,
    validateUpdate: (object, old) => [
      ...((object['value'] ?? 0) === (old['value'] ?? 0) ? [] : [forbiddenField('value', 'may not be changed in an update.')]),
      ...immutable('preemptionPolicy', object['preemptionPolicy'], old['preemptionPolicy']),
    ],
    columns: [
      nameColumn,
      integer('Value', (object) => object['value'] ?? 0),
      boolean('Global-Default', (object) => object['globalDefault'] ?? false),
      ageColumn,
      string('PreemptionPolicy', (object) => object['preemptionPolicy'] ?? ''),
    ],
  },
};
