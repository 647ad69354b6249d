// Expressions of admission policies compile, or the policy is refused (upstream's admissionregistration/validation).
import {
  admissionEnvironment,
  BOOL,
  Composition,
  compileExpression,
  type Environment,
  JSON_PATCH,
  listOf,
  NULL,
  STRING,
  structOf,
  type Type,
} from '../../cel/index.ts';
import { duplicate, invalidValue, notSupported, type Problem, qualifiedName, required } from '../../meta/index.ts';
import { texts } from '../rules.ts';
import { validateMatchConditions } from './rules.ts';

const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'];
const ANNOTATIONS_MAX = 20;
const VALUE_EXPRESSION_MAX = 5 * 1024;
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Compiles the expressions of one policy: its variables as they come, the others with these. */
export class PolicyExpressions {
  readonly #composition = new Composition();
  readonly #withoutVariables: Environment;
  readonly #params: boolean;

  constructor(spec: any) {
    this.#params = Boolean(spec.paramKind);
    this.#withoutVariables = admissionEnvironment({ params: this.#params, authorizer: true });
  }

  /** They run before the variables. */
  matchConditions(conditions: any[] | undefined): Problem[] {
    const why = (expression: string) => compileExpression(this.#withoutVariables, expression, [BOOL]).problem;
    return validateMatchConditions(conditions, 'spec.matchConditions', why);
  }

  variables(variables: any[] | undefined): Problem[] {
    const seen = new Set<string>();
    return (variables ?? []).flatMap(({ name = '', expression = '' }, i) => {
      const path = `spec.variables[${i}]`;
      const problems: Problem[] = [];
      if (name.trim() === '') problems.push(required(`${path}.name`, 'name is not specified'));
      else if (!IDENTIFIER.test(name)) problems.push(invalidValue(`${path}.name`, name, 'name is not a valid CEL identifier'));
      if (expression.trim() === '') problems.push(required(`${path}.expression`, 'expression is not specified'));
      else {
        const { problem } = this.#composition.add(this.#withoutVariables, name, expression);
        if (problem !== undefined) problems.push(invalidValue(`${path}.expression`, expression, problem));
      }
      if (name !== '' && seen.has(name)) problems.push(duplicate(`${path}.name`, name));
      seen.add(name);
      return problems;
    });
  }

  validation(validation: any, path: string): Problem[] {
    const { expression = '', message = '', messageExpression = '', reason } = validation;
    const problems: Problem[] = [];
    if (expression.trim() === '') problems.push(required(`${path}.expression`, 'expression is not specified'));
    else problems.push(...this.#compile(`${path}.expression`, expression, [BOOL], { authorizer: true }));
    if (messageExpression !== '' && messageExpression.trim() === '')
      problems.push(invalidValue(`${path}.messageExpression`, messageExpression, 'must be non-empty if specified'));
    else if (messageExpression !== '') problems.push(...this.#compile(`${path}.messageExpression`, messageExpression, [STRING]));
    problems.push(...this.#message(`${path}.message`, message, expression));
    if (reason !== undefined && !REASONS.includes(reason)) problems.push(notSupported(`${path}.reason`, reason, REASONS));
    return problems;
  }

  #message(field: string, message: string, expression: string): Problem[] {
    if (message !== '' && message.trim() === '') return [invalidValue(field, message, 'message must be non-empty if specified')];
    if (/[\n\r]/.test(message.trim())) return [invalidValue(field, message, 'message must not contain line breaks')];
    return message === '' && /[\n\r]/.test(expression.trim())
      ? [required(field, 'message must be specified if expression contains line breaks')]
      : [];
  }

  auditAnnotations(annotations: any[] | undefined, policyName: string): Problem[] {
    const field = 'spec.auditAnnotations';
    const seen = new Set<string>();
    const list = annotations ?? [];
    const tooMany =
      list.length > ANNOTATIONS_MAX ? [invalidValue(field, '{...}', `must not have more than ${ANNOTATIONS_MAX} auditAnnotations`)] : [];
    return [
      ...tooMany,
      ...list.flatMap(({ key = '', valueExpression = '' }, i) => {
        const path = `${field}[${i}]`;
        const full = `${policyName}/${key}`;
        const problems =
          policyName === ''
            ? [invalidValue(`${path}.key`, key, 'requires metadata.name be non-empty')]
            : texts(`${path}.key`, full, qualifiedName(full));
        if (valueExpression.trim() === '') problems.push(required(`${path}.valueExpression`, 'valueExpression is not specified'));
        else if (valueExpression.trim().length > VALUE_EXPRESSION_MAX)
          problems.push(required(`${path}.valueExpression`, 'must not exceed 5kb in length'));
        else problems.push(...this.#compile(`${path}.valueExpression`, valueExpression, [STRING, NULL]));
        if (seen.has(key)) problems.push(duplicate(`${path}.key`, key));
        seen.add(key);
        return problems;
      }),
    ];
  }

  mutation(patchType: 'ApplyConfiguration' | 'JSONPatch', expression: string, path: string): Problem[] {
    if (expression.trim() === '') return [required(`${path}.expression`, 'expression is not specified')];
    const wanted = patchType === 'JSONPatch' ? listOf(JSON_PATCH) : structOf('Object');
    return this.#compile(`${path}.expression`, expression, [wanted], { authorizer: true, mutation: true });
  }

  #compile(
    field: string,
    expression: string,
    accepted: readonly Type[],
    scope: { authorizer?: boolean; mutation?: boolean } = {},
  ): Problem[] {
    const environment = this.#composition.in(admissionEnvironment({ params: this.#params, ...scope }));
    const { problem } = compileExpression(environment, expression, accepted);
    return problem === undefined ? [] : [invalidValue(field, expression, problem)];
  }
}
