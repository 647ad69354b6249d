// matchConditions: all must be true for a webhook to be asked (upstream's webhook/matchconditions/matcher.go).
import {
  admissionEnvironment,
  BOOL,
  compileExpression,
  conditionsHold,
  type Environment,
  Evaluation,
  type Expression,
  OutOfBudget,
  RUNTIME_BUDGET_MATCH_CONDITIONS,
} from '../../../../api/cel/index.ts';
import { forbidden } from '../../../../api/meta/index.ts';
import type { Authorizer } from '../../authz/index.ts';
import type { Attributes } from '../../request.ts';
import { requestBindings } from '../expressions.ts';
import type { Hook } from './hooks.ts';
import type { View } from './review.ts';

/** Made when the first webhook has conditions. */
let environment: Environment | undefined;
const compiled = new WeakMap<Hook, readonly Expression[]>();

function expressionsOf(hook: Hook): readonly Expression[] {
  let expressions = compiled.get(hook);
  if (expressions === undefined) {
    const { matchConditions = [] } = hook;
    if (matchConditions.length > 0) environment ??= admissionEnvironment({ authorizer: true });
    expressions = matchConditions.map(({ expression }) => compileExpression(environment!, expression, [BOOL]));
    compiled.set(hook, expressions);
  }
  return expressions;
}

/** One that is false decides. Throws 403 when another cannot be evaluated and the webhook's failurePolicy is Fail. */
export function conditionsMatch(hook: Hook, attributes: Attributes, view: View, authorizer: Authorizer): boolean {
  const expressions = expressionsOf(hook);
  if (expressions.length === 0) return true;
  const { holds, error } = outcomeOf(expressions, attributes, view, authorizer);
  if (error !== undefined && hook.failurePolicy !== 'Ignore') throw forbidden(attributes.kind, attributes.name, error);
  return holds;
}

function outcomeOf(
  expressions: readonly Expression[],
  attributes: Attributes,
  view: View,
  authorizer: Authorizer,
): ReturnType<typeof conditionsHold> {
  const evaluation = new Evaluation(requestBindings(attributes, view, authorizer), new Map(), RUNTIME_BUDGET_MATCH_CONDITIONS);
  try {
    return conditionsHold(expressions, evaluation);
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error;
    return { holds: false, error: error.message };
  }
}
