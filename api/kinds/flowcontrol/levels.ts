// What a priority level must be. Those that no cluster can be without keep their form.
import { forbiddenField, invalidValue, type KubeObject, notSupported, type Problem, required, semanticEqual } from '../../meta/index.ts';
import { flowControlObjects } from './objects.ts';

const QUEUES_MAX = 10_000_000;

export function validateLevel({ metadata, spec = {} }: KubeObject): Problem[] {
  const problems = validateFixed(metadata.name ?? '', spec);
  const isExempt = spec.type === 'Exempt';
  if ((metadata.name === 'exempt') !== isExempt)
    problems.push(invalidValue('spec.type', spec.type ?? '', "must be 'Exempt' if and only if `name` is 'exempt'"));
  if (isExempt) {
    if (spec.limited) problems.push(forbiddenField('spec.limited', 'must be nil if the type is not Limited'));
    return [...problems, ...(spec.exempt ? validateShares(spec.exempt, 'spec.exempt') : [])];
  }
  if (spec.type !== 'Limited') return [...problems, notSupported('spec.type', spec.type ?? '', ['Exempt', 'Limited'])];
  if (spec.exempt) problems.push(forbiddenField('spec.exempt', 'must be nil if the type is Limited'));
  if (!spec.limited) return [...problems, required('spec.limited', 'must not be empty when type is Limited')];
  return [...problems, ...validateLimited(spec.limited, 'spec.limited')];
}

/** Of the exempt level its own numbers may be chosen. */
function validateFixed(name: string, spec: any): Problem[] {
  if (name !== 'exempt' && name !== 'catch-all') return [];
  const fixed = flowControlObjects.find(({ kind, metadata }) => kind === 'PriorityLevelConfiguration' && metadata.name === name)?.['spec'];
  const compared = name === 'exempt' ? { ...spec, exempt: fixed.exempt } : spec;
  if (semanticEqual(compared, fixed)) return [];
  const part = name === 'exempt' ? " except the 'spec.exempt' field" : '';
  return [invalidValue('spec', spec, `spec of '${name}'${part} must equal the fixed value`)];
}

function validateShares({ nominalConcurrencyShares: shares = 0, lendablePercent: lendable = 0 }: any, path: string): Problem[] {
  const problems: Problem[] = [];
  if (shares < 0) problems.push(invalidValue(`${path}.nominalConcurrencyShares`, shares, 'must be a non-negative integer'));
  if (lendable < 0 || lendable > 100)
    problems.push(invalidValue(`${path}.lendablePercent`, lendable, 'must be between 0 and 100, inclusive'));
  return problems;
}

function validateLimited(limited: any, path: string): Problem[] {
  const problems = validateShares(limited, path);
  const borrowing = limited.borrowingLimitPercent ?? 0;
  if (borrowing < 0)
    problems.push(invalidValue(`${path}.borrowingLimitPercent`, borrowing, 'if specified, must be a non-negative integer'));
  const { type = '', queuing } = limited.limitResponse ?? {};
  const at = `${path}.limitResponse`;
  if (type === 'Reject') {
    if (queuing) problems.push(forbiddenField(`${at}.queuing`, 'must be nil if limited.limitResponse.type is not Limited'));
  } else if (type === 'Queue') {
    if (!queuing) problems.push(required(`${at}.queuing`, 'must not be empty if limited.limitResponse.type is Limited'));
    else problems.push(...validateQueuing(queuing, `${at}.queuing`));
  } else problems.push(notSupported(`${at}.type`, type, ['Queue', 'Reject']));
  return problems;
}

function validateQueuing({ queues = 0, handSize = 0, queueLengthLimit = 0 }: any, path: string): Problem[] {
  const problems: Problem[] = [];
  const positive = (name: string, value: number) => {
    if (value <= 0) problems.push(invalidValue(`${path}.${name}`, value, 'must be positive'));
  };
  positive('queueLengthLimit', queueLengthLimit);
  positive('queues', queues);
  if (queues > QUEUES_MAX) problems.push(invalidValue(`${path}.queues`, queues, `must not be greater than ${QUEUES_MAX}`));
  positive('handSize', handSize);
  if (handSize > queues) problems.push(invalidValue(`${path}.handSize`, handSize, `should not be greater than queues (${queues})`));
  return problems;
}
