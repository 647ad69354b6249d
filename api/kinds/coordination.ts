// Behaviours of the kinds of coordination.k8s.io/v1.
import { forbiddenField, invalidValue, type KubeObject, negativeText, notSupported, type Problem, qualifiedName } from '../meta/index.ts';
import type { Behaviours } from './behaviours.ts';
import { ageColumn, nameColumn, string } from './columns.ts';
import { texts } from './rules.ts';

function validate({ spec = {} }: KubeObject): Problem[] {
  const problems: Problem[] = [];
  const { leaseDurationSeconds: duration, leaseTransitions: transitions, strategy } = spec;
  if (typeof duration === 'number' && duration <= 0) {
    problems.push(invalidValue('spec.leaseDurationSeconds', duration, 'must be greater than 0'));
  }
  if (typeof transitions === 'number' && transitions < 0) problems.push(invalidValue('spec.leaseTransitions', transitions, negativeText));
  if (typeof strategy === 'string') {
    const field = 'spec.strategy.strategy';
    if (strategy.includes('/')) problems.push(...texts(field, strategy, qualifiedName(strategy)));
    else if (strategy !== 'OldestEmulationVersion') problems.push(notSupported(field, strategy, ['OldestEmulationVersion']));
  }
  if (spec.preferredHolder && !strategy) {
    problems.push(forbiddenField('spec.preferredHolder', 'may only be specified if `strategy` is defined'));
  }
  return problems;
}

/** Coordinated leader election is off: what asks for it is dropped, unless it was let in before. */
function dropGated(object: KubeObject, old?: KubeObject): void {
  for (const name of ['strategy', 'preferredHolder']) {
    if (object['spec']?.[name] !== undefined && old?.['spec']?.[name] === undefined) delete object['spec'][name];
  }
}

export const coordination: Behaviours = {
  Lease: {
    prepareForCreate: (object) => dropGated(object),
    prepareForUpdate: dropGated,
    validate,
    unconditionalUpdate: false,
    createOnUpdate: true,
    columns: [nameColumn, string('Holder', ({ spec }) => spec?.holderIdentity ?? ''), ageColumn],
  },
};
