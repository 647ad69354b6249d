// Checks of taints and tolerations.
import type { Taint, Toleration } from '../../gen/types/core.v1.ts';
import { duplicate, invalidValue, labelValue, notSupported, type Problem, qualifiedName, required } from '../../meta/index.ts';
import { texts } from '../rules.ts';
import { goForm } from './pod-spec/go-form.ts';

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

function validateEffect(effect: string | undefined, field: string, mayBeEmpty: boolean): Problem[] {
  if (!effect) return mayBeEmpty ? [] : [required(field)];
  return EFFECTS.includes(effect) ? [] : [notSupported(field, effect, EFFECTS)];
}

export function validateTaints(taints: readonly Taint[], path: string): Problem[] {
  const seen = new Set<string>();
  return taints.flatMap((taint, at) => {
    const here = `${path}[${at}]`;
    const problems = [
      ...texts(`${here}.key`, taint.key, qualifiedName(taint.key)),
      ...texts(`${here}.value`, taint.value ?? '', labelValue(taint.value ?? '')),
      ...validateEffect(taint.effect, `${here}.effect`, false),
    ];
    const key = `${taint.effect}/${taint.key}`;
    if (seen.has(key))
      problems.push({
        ...duplicate(here, goForm(taint, ['Key', 'Value', 'Effect', 'TimeAdded'])),
        message: `${duplicate(here, goForm(taint, ['Key', 'Value', 'Effect', 'TimeAdded'])).message}: taints must be unique by key and effect pair`,
      });
    seen.add(key);
    return problems;
  });
}

export function validateTolerations(tolerations: readonly Toleration[], path: string): Problem[] {
  return tolerations.flatMap((toleration, at) => {
    const here = `${path}[${at}]`;
    const { key = '', operator = '', value = '', effect, tolerationSeconds } = toleration;
    const problems: Problem[] = [];
    if (key !== '') problems.push(...texts(`${here}.key`, key, qualifiedName(key)));
    else if (operator !== 'Exists')
      problems.push(
        invalidValue(
          `${here}.operator`,
          operator,
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      problems.push(invalidValue(`${here}.effect`, effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    }
    if (operator === 'Equal' || operator === '') problems.push(...texts(`${here}.operator`, value, labelValue(value)));
    else if (operator === 'Exists') {
      if (value !== '') problems.push(invalidValue(`${here}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    } else {
      const comparing = operator === 'Lt' || operator === 'Gt';
      problems.push(notSupported(`${here}.operator`, operator, comparing ? ['Equal', 'Exists', 'Lt', 'Gt'] : ['Equal', 'Exists']));
    }
    return [...problems, ...validateEffect(effect, `${here}.effect`, true)];
  });
}
