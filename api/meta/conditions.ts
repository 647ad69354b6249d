// meta/v1 Conditions: validation as most kinds' status needs it.
import { duplicate, invalidValue, notSupported, type Problem, required, tooLong } from './problems.ts';
import { qualifiedName, regexHint } from './text-rules.ts';

const reasonPattern = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const reasonRule = new RegExp(`^${reasonPattern}$`);
const reasonText =
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'";

function validateCondition(condition: any, field: string): Problem[] {
  const problems = qualifiedName(condition.type ?? '').map((text) => invalidValue(`${field}.type`, condition.type ?? '', text));
  const statuses = ['False', 'True', 'Unknown'];
  if (!statuses.includes(condition.status)) problems.push(notSupported(`${field}.status`, condition.status ?? '', statuses));
  if ((condition.observedGeneration ?? 0) < 0) {
    problems.push(invalidValue(`${field}.observedGeneration`, condition.observedGeneration, 'must be greater than or equal to zero'));
  }
  if (!condition.lastTransitionTime) problems.push(required(`${field}.lastTransitionTime`));
  const reason: string = condition.reason ?? '';
  if (reason === '') problems.push(required(`${field}.reason`));
  else {
    if (!reasonRule.test(reason)) {
      const hint = regexHint(reasonText, reasonPattern, 'my_name', 'MY_NAME', 'MyName', 'ReasonA,ReasonB', 'ReasonA:ReasonB');
      problems.push(invalidValue(`${field}.reason`, reason, hint));
    }
    if (Buffer.byteLength(reason) > 1024) problems.push(tooLong(`${field}.reason`, 1024));
  }
  if (Buffer.byteLength(condition.message ?? '') > 32 * 1024) problems.push(tooLong(`${field}.message`, 32 * 1024));
  return problems;
}

export function validateConditions(conditions: readonly any[] | undefined | null, field: string): Problem[] {
  const seen = new Set<string>();
  return (conditions ?? []).flatMap((condition, i) => {
    const at = `${field}[${i}]`;
    const repeated = seen.has(condition.type) ? [duplicate(`${at}.type`, condition.type)] : [];
    seen.add(condition.type);
    return [...repeated, ...validateCondition(condition, at)];
  });
}
