// Label and field selectors: parsing of the query texts, matching, validation of LabelSelector objects.

import { badRequest } from './errors.ts';
import { validateLabels } from './names.ts';
import { at, forbiddenField, goQuote, index, invalidValue, type Problem, required } from './problems.ts';
import { labelValue, qualifiedName } from './text-rules.ts';

export type Labels = Readonly<Record<string, string>>;
export type Operator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

export interface Requirement {
  key: string;
  operator: Operator;
  /** Sorted, without repetitions. */
  values: readonly string[];
}

export interface Selector {
  readonly requirements: readonly Requirement[];
  /** No requirement: everything matches. */
  readonly empty: boolean;
  matches(labels: Labels | undefined): boolean;
  toString(): string;
}

/** meta/v1 LabelSelector. */
export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

const integer = /^[-+]?[0-9]+$/;

function requirementMatches({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return value !== undefined && values.includes(value);
    case '!=':
    case 'notin':
      return value === undefined || !values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'gt':
    case 'lt': {
      if (value === undefined || !integer.test(value)) return false;
      return operator === 'gt' ? BigInt(value) > BigInt(values[0]!) : BigInt(value) < BigInt(values[0]!);
    }
  }
}

function requirementText({ key, operator, values }: Requirement): string {
  if (operator === 'exists') return key;
  if (operator === '!') return `!${key}`;
  if (operator === 'in' || operator === 'notin') return `${key} ${operator} (${values.join(',')})`;
  return `${key}${operator === 'gt' ? '>' : operator === 'lt' ? '<' : operator}${values[0]}`;
}

const noLabels: Labels = {};

export function selectorOf(requirements: readonly Requirement[]): Selector {
  const sorted = [...requirements].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return {
    requirements: sorted,
    empty: sorted.length === 0,
    matches: (labels = noLabels) => sorted.every((requirement) => requirementMatches(requirement, labels)),
    toString: () => sorted.map(requirementText).join(','),
  };
}

const everything: Selector = selectorOf([]);
const nothing: Selector = { requirements: [], empty: false, matches: () => false, toString: () => '' };

/** Why a requirement cannot be; the path is empty on purpose, as in upstream's answers to bad queries. */
function requirementProblems({ key, operator, values }: Requirement): Problem[] {
  const problems: Problem[] = [];
  const keyTexts = qualifiedName(key);
  if (keyTexts.length) problems.push(invalidValue('key', key, keyTexts.join('; ')));
  if ((operator === 'gt' || operator === 'lt') && !integer.test(values[0] ?? '')) {
    problems.push(invalidValue('values[0]', values[0], "for 'Gt', 'Lt' operators, the value must be an integer"));
  }
  values.forEach((value, i) => {
    const texts = labelValue(value);
    if (texts.length) problems.push(invalidValue(`values[${i}][${key}]`, value, texts.join('; ')));
  });
  return problems;
}

interface Token {
  type: 'word' | 'in' | 'notin' | '=' | '==' | '!=' | '!' | '>' | '<' | '(' | ')' | ',' | 'end' | 'error';
  text: string;
}

const special = /[=!(),><]/;
const symbols = new Set(['=', '==', '!=', '!', '>', '<', '(', ')', ',']);

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    if (/[ \t\r\n]/.test(text[at]!)) {
      at++;
      continue;
    }
    const start = at;
    if (special.test(text[at]!)) {
      let found = '';
      for (; at < text.length && special.test(text[at]!); at++) {
        const longer = text.slice(start, at + 1);
        if (symbols.has(longer)) found = longer;
        else if (found !== '') break;
      }
      tokens.push(
        found === ''
          ? { type: 'error', text: `error expected: keyword found '${text.slice(start, at)}'` }
          : { type: found as Token['type'], text: found },
      );
    } else {
      while (at < text.length && !/[ \t\r\n=!(),><]/.test(text[at]!)) at++;
      const word = text.slice(start, at);
      tokens.push({ type: word === 'in' || word === 'notin' ? word : 'word', text: word });
    }
  }
  tokens.push({ type: 'end', text: '' });
  return tokens;
}

class SyntaxProblem extends Error {}

/** Recursive descent over the tokens; throws SyntaxProblem with upstream's words. */
class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  constructor(text: string) {
    this.#tokens = tokensOf(text);
  }

  /** `in` and `notin` are words except where an operator must stand. */
  #peek(operator = false): Token {
    const token = this.#tokens[Math.min(this.#next, this.#tokens.length - 1)]!;
    return !operator && (token.type === 'in' || token.type === 'notin') ? { type: 'word', text: token.text } : token;
  }

  #take(operator = false): Token {
    const token = this.#peek(operator);
    this.#next++;
    return token;
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    for (;;) {
      const first = this.#peek();
      if (first.type === 'end') return requirements;
      if (first.type !== 'word' && first.type !== '!') {
        throw new SyntaxProblem(`found '${first.text}', expected: !, identifier, or 'end of string'`);
      }
      try {
        requirements.push(this.#requirement());
      } catch (error) {
        if (!(error instanceof SyntaxProblem)) throw error;
        throw new SyntaxProblem(`unable to parse requirement: ${error.message}`);
      }
      const after = this.#take();
      if (after.type === 'end') return requirements;
      if (after.type !== ',') throw new SyntaxProblem(`found '${after.text}', expected: ',' or 'end of string'`);
      const following = this.#peek();
      if (following.type !== 'word' && following.type !== '!') {
        throw new SyntaxProblem(`found '${following.text}', expected: identifier after ','`);
      }
    }
  }

  #requirement(): Requirement {
    let absent = false;
    let token = this.#take();
    if (token.type === '!') {
      absent = true;
      token = this.#take();
    }
    if (token.type !== 'word') throw new SyntaxProblem(`found '${token.text}', expected: identifier`);
    const key = token.text;
    const keyTexts = qualifiedName(key);
    if (keyTexts.length) throw new SyntaxProblem(`<nil>: Invalid value: ${goQuote(key)}: ${keyTexts.join('; ')}`);
    const next = this.#peek();
    if (absent) return this.#checked({ key, operator: '!', values: [] });
    if (next.type === 'end' || next.type === ',') return this.#checked({ key, operator: 'exists', values: [] });
    const operator = this.#operator();
    const values = operator === 'in' || operator === 'notin' ? this.#values() : this.#exactValue();
    return this.#checked({ key, operator, values: [...new Set(values)].sort() });
  }

  #checked(requirement: Requirement): Requirement {
    const problems = requirementProblems(requirement);
    if (problems.length === 0) return requirement;
    const texts = problems.map((problem) => `${problem.field}: ${problem.message}`);
    throw new SyntaxProblem(texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`);
  }

  #operator(): Operator {
    const { type, text } = this.#take(true);
    if (type === 'in' || type === 'notin' || type === '=' || type === '==' || type === '!=') return type;
    if (type === '>') return 'gt';
    if (type === '<') return 'lt';
    throw new SyntaxProblem(`found '${text}', expected: in, notin, =, ==, !=, gt, lt`);
  }

  #values(): string[] {
    const open = this.#take();
    if (open.type !== '(') throw new SyntaxProblem(`found '${open.text}' expected: '('`);
    const first = this.#peek();
    if (first.type === ')') {
      this.#take();
      return [''];
    }
    if (first.type !== 'word' && first.type !== ',') {
      throw new SyntaxProblem(`found '${first.text}', expected: ',', ')' or identifier`);
    }
    const values = this.#valueList();
    if (this.#take().type !== ')') throw new SyntaxProblem(`found '${first.text}', expected: ')'`);
    return values;
  }

  #valueList(): string[] {
    const values: string[] = [];
    for (;;) {
      const token = this.#take();
      if (token.type === 'word') {
        values.push(token.text);
        const after = this.#peek();
        if (after.type === ')') return values;
        if (after.type !== ',') throw new SyntaxProblem(`found '${after.text}', expected: ',' or ')'`);
      } else if (token.type === ',') {
        if (values.length === 0) values.push('');
        const after = this.#peek();
        if (after.type === ')') return [...values, ''];
        if (after.type === ',') values.push('');
      } else throw new SyntaxProblem(`found '${token.text}', expected: ',', or identifier`);
    }
  }

  #exactValue(): string[] {
    const next = this.#peek();
    if (next.type === 'end' || next.type === ',') return [''];
    const token = this.#take();
    if (token.type !== 'word') throw new SyntaxProblem(`found '${token.text}', expected: identifier`);
    return [token.text];
  }
}

/** The `labelSelector` query parameter. Throws 400. */
export function parseLabelSelector(text: string): Selector {
  if (text === '') return everything;
  try {
    return selectorOf(new Parser(text).parse());
  } catch (error) {
    if (error instanceof SyntaxProblem) throw badRequest(error.message);
    throw error;
  }
}

const objectOperators: Record<string, Operator> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' };

/** A LabelSelector object; undefined selects nothing, an empty one everything. Throws on an unknown operator (validation lets none through). */
export function selectorFrom(selector: LabelSelector | undefined | null): Selector {
  if (selector === undefined || selector === null) return nothing;
  const requirements: Requirement[] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: '=',
    values: [value],
  }));
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const known = objectOperators[operator];
    if (known === undefined) throw new Error(`${goQuote(operator)} is not a valid label selector operator`);
    requirements.push({ key, operator: known, values: [...new Set(values ?? [])].sort() });
  }
  return requirements.length === 0 ? everything : selectorOf(requirements);
}

/** One-off match; keep a {@link selectorFrom} where many objects are compared. */
export const labelSelectorMatches = (selector: LabelSelector | undefined | null, labels: Labels | undefined): boolean =>
  selectorFrom(selector).matches(labels);

/** A plain map of labels, as in Service.spec.selector; undefined selects nothing. */
export const labelsMatch = (wanted: Labels | undefined | null, labels: Labels | undefined): boolean =>
  !!wanted && Object.entries(wanted).every(([key, value]) => labels !== undefined && Object.hasOwn(labels, key) && labels[key] === value);

/** `allowInvalidValues`: what is stored already may hold values that are refused today. */
export function validateLabelSelector(selector: LabelSelector | undefined | null, field: string, allowInvalidValues = false): Problem[] {
  if (!selector) return [];
  const problems = validateLabels(selector.matchLabels, at(field, 'matchLabels'));
  (selector.matchExpressions ?? []).forEach((expression, i) => {
    const path = index(at(field, 'matchExpressions'), i);
    const values = expression.values ?? [];
    if (expression.operator === 'In' || expression.operator === 'NotIn') {
      if (values.length === 0) problems.push(required(at(path, 'values'), "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if (expression.operator === 'Exists' || expression.operator === 'DoesNotExist') {
      if (values.length > 0) {
        problems.push(forbiddenField(at(path, 'values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
    } else problems.push(invalidValue(at(path, 'operator'), expression.operator ?? '', 'not a valid selector operator'));
    for (const text of qualifiedName(expression.key ?? '')) problems.push(invalidValue(at(path, 'key'), expression.key ?? '', text));
    if (allowInvalidValues) return;
    values.forEach((value, j) => {
      for (const text of labelValue(value)) problems.push(invalidValue(index(at(path, 'values'), j), value, text));
    });
  });
  return problems;
}

export interface FieldRequirement {
  field: string;
  op: '=' | '!=';
  value: string;
}

/** Splits at commas that no backslash escapes. */
function fieldTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === ',') {
      terms.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...terms, text.slice(start)];
}

function unescapeFieldValue(value: string): string {
  if (!/[\\,=]/.test(value)) return value;
  let plain = '';
  for (let i = 0; i < value.length; i++) {
    const char = value[i]!;
    if (char === '\\') {
      const escaped = value[++i];
      if (escaped === undefined) throw badRequest('invalid field selector: invalid escape sequence: \\');
      if (!'\\,='.includes(escaped)) throw badRequest(`invalid field selector: invalid escape sequence: \\${escaped}`);
      plain += escaped;
    } else if (char === ',' || char === '=') {
      throw badRequest(`invalid field selector: unescaped character in value: ${char}`);
    } else plain += char;
  }
  return plain;
}

/** The `fieldSelector` query parameter. Throws 400; whether a field may be selected by is for the kind to say. */
export function parseFieldSelector(text: string): FieldRequirement[] {
  const requirements: FieldRequirement[] = [];
  for (const term of fieldTerms(text).sort()) {
    if (term === '') continue;
    const operator = /!=|==|=/.exec(term);
    if (!operator) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    const value = unescapeFieldValue(term.slice(operator.index + operator[0].length));
    requirements.push({ field: term.slice(0, operator.index), op: operator[0] === '!=' ? '!=' : '=', value });
  }
  return requirements;
}

export const fieldNotSupported = (field: string) => badRequest(`field label not supported: ${field}`);
