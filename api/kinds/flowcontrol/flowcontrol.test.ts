import { expect, test } from 'vitest';
import type { KubeObject, Problem } from '../../meta/index.ts';
import { flowcontrol } from '../flowcontrol.ts';
import { flowControlObjects } from './objects.ts';

const told = (problems: readonly Problem[] | undefined) => (problems ?? []).map(({ field, message }) => `${field}: ${message}`);
const level = (spec: object, name = 'l') =>
  told(flowcontrol['PriorityLevelConfiguration']?.validate?.({ metadata: { name }, spec } as KubeObject));
const rule = (one: object) =>
  told(
    flowcontrol['FlowSchema']?.validate?.({
      metadata: { name: 's' },
      spec: { matchingPrecedence: 500, priorityLevelConfiguration: { name: 'l' }, rules: [one] },
    } as KubeObject),
  );
const limited = (response: object) => ({ type: 'Limited', limited: { nominalConcurrencyShares: 1, limitResponse: response } });
const somebody = [{ kind: 'User', user: { name: 'u' } }];
const pods = { verbs: ['get'], apiGroups: [''], resources: ['pods'], namespaces: ['n'] };

test("the cluster's own objects are valid", () => {
  for (const object of flowControlObjects) expect(told(flowcontrol[object.kind as string]?.validate?.(object))).toEqual([]);
});

test.each<[object, string, string]>([
  [limited({ type: 'Odd' }), 'l', 'spec.limited.limitResponse.type: Unsupported value: "Odd"'],
  [limited({ type: 'Queue' }), 'l', 'spec.limited.limitResponse.queuing: Required value'],
  [limited({ type: 'Queue', queuing: { queues: 4, handSize: 8, queueLengthLimit: 1 } }), 'l', 'should not be greater than queues (4)'],
  [limited({ type: 'Reject', queuing: {} }), 'l', 'spec.limited.limitResponse.queuing: Forbidden'],
  [{ type: 'Limited' }, 'l', 'spec.limited: Required value: must not be empty when type is Limited'],
  [{ type: 'Exempt' }, 'l', 'spec.type: Invalid value: "Exempt"'],
  [limited({ type: 'Reject' }), 'catch-all', "spec of 'catch-all' must equal the fixed value"],
])('level %#', (spec, name, text) => {
  expect(level(spec, name).join()).toContain(text);
});

test('of the exempt level the numbers may be chosen', () => {
  expect(level({ type: 'Exempt', exempt: { nominalConcurrencyShares: 10, lendablePercent: 50 } }, 'exempt')).toEqual([]);
});

test.each<[object, string]>([
  [{ resourceRules: [pods] }, 'spec.rules[0].subjects: Required value: subjects must contain at least one value'],
  [{ subjects: somebody }, 'spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty'],
  [{ subjects: [{ kind: 'Robot' }], resourceRules: [pods] }, 'spec.rules[0].subjects[0].kind: Unsupported value: "Robot"'],
  [{ subjects: [{ kind: 'User' }], resourceRules: [pods] }, "user: Required value: user is required when subject kind is 'User'"],
  [{ subjects: somebody, resourceRules: [{ ...pods, verbs: ['*', 'get'] }] }, "if '*' is present, must not specify other verbs"],
  [{ subjects: somebody, resourceRules: [{ ...pods, verbs: ['fly'] }] }, 'spec.rules[0].resourceRules[0].verbs: Unsupported value'],
  [
    { subjects: somebody, resourceRules: [{ ...pods, namespaces: [] }] },
    'resource rules that are not cluster scoped must supply at least one namespace',
  ],
  [{ subjects: somebody, nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/a*b'] }] }, 'wildcard can only do suffix matching'],
])('rule %#', (one, text) => {
  expect(rule(one).join()).toContain(text);
});
