// The selectors of an access review: what a list that is asked about is restricted to. What cannot be read makes the question broader
// and is told (apiserver's pkg/registry/authorization/util). Pure.
import { parseFieldSelector, parseLabelSelector, validateLabelSelector } from '../../../api/meta/index.ts';
import type { Question } from './authorizer.ts';

interface Requirement {
  key?: string;
  operator?: string;
  values?: string[];
}

export interface ReviewSelector {
  rawSelector?: string;
  requirements?: Requirement[];
}

/** How much of a selector could be read. */
export interface Reading {
  readonly read: number;
  readonly failed: boolean;
}

type Fields = NonNullable<Question['fields']>;

const NOTHING = { read: 0, failed: false };

/** `fields`: what must equal what. */
export function fieldsOf(selector: ReviewSelector | undefined): Reading & { fields: Fields } {
  if (selector?.rawSelector) return fieldsOfText(selector.rawSelector);
  const requirements = selector?.requirements ?? [];
  const good = requirements.filter(({ operator = '', values = [] }) => ['In', 'NotIn'].includes(operator) && values.length === 1);
  const fields = good.flatMap(({ key = '', operator, values = [] }) => (operator === 'In' ? [{ field: key, value: values[0]! }] : []));
  return { fields, read: good.length, failed: good.length < requirements.length };
}

/** Of a selector as text: all of it or nothing. */
export function fieldsOfText(text: string): Reading & { fields: Fields } {
  try {
    const found = parseFieldSelector(text);
    return { fields: found.filter(({ op }) => op === '='), read: found.length, failed: false };
  } catch {
    return { fields: [], read: 0, failed: true };
  }
}

function labelsOf(selector: ReviewSelector | undefined): Reading {
  if (selector?.rawSelector) {
    try {
      parseLabelSelector(selector.rawSelector);
      return { read: 1, failed: false };
    } catch {
      return { read: 0, failed: true };
    }
  }
  const requirements = selector?.requirements;
  if (!requirements) return NOTHING;
  const good = requirements.filter(
    ({ key = '', operator = '', values = [] }) => validateLabelSelector({ matchExpressions: [{ key, operator, values }] }, '').length === 0,
  );
  return { read: good.length, failed: good.length < requirements.length };
}

/** What the answer says of selectors that were left out of account, undefined when none was. */
export function evaluationError(resource: Record<string, any> | undefined): string | undefined {
  const readings: [string, Reading][] = [
    ['fieldSelector', fieldsOf(resource?.['fieldSelector'])],
    ['labelSelector', labelsOf(resource?.['labelSelector'])],
  ];
  const texts = readings
    .filter(([, { failed }]) => failed)
    .map(([name, { read }]) => `spec.resourceAttributes.${name} ${read > 0 ? 'partially ' : ''}ignored due to parse error`);
  return texts.length > 0 ? texts.join('; ') : undefined;
}
