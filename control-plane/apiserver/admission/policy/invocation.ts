// One policy, through one binding, with one parameter, about one request: its expressions and their budgets.
import { conditionsHold, Evaluation, RUNTIME_BUDGET, RUNTIME_BUDGET_MATCH_CONDITIONS, type Value } from '../../../../api/cel/index.ts';
import type { KubeObject } from '../../../../api/meta/index.ts';
import type { Authorizer } from '../../authz/index.ts';
import type { Attributes, Reader } from '../../request.ts';
import { objectValue, requestBindings, type SeenAs } from '../expressions.ts';
import { namespaceOf } from '../matching.ts';
import type { Policy } from './definitions.ts';

/** The request's namespace; undefined for what is in none, and for namespaces themselves. Throws 404. */
export async function namespaceFor(attributes: Attributes, reader: Reader): Promise<KubeObject | undefined> {
  const { kind } = attributes;
  return kind.group === '' && kind.kind === 'Namespace' ? undefined : namespaceOf(attributes, reader);
}

export interface About {
  readonly attributes: Attributes;
  readonly seen: SeenAs;
  readonly authorizer: Authorizer;
  readonly namespace: KubeObject | undefined;
  readonly param: KubeObject | undefined;
}

function bindingsOf({ attributes, seen, authorizer, namespace, param }: About, policy: Policy): Record<string, Value> {
  const bindings = requestBindings(attributes, seen, authorizer, namespace);
  return policy.paramKind ? { ...bindings, params: objectValue(param) } : bindings;
}

/** For a policy's validations or mutations. */
export const evaluationOf = (policy: Policy, about: About): Evaluation =>
  new Evaluation(bindingsOf(about, policy), policy.variables, RUNTIME_BUDGET);

/** Its match conditions, which have a budget of their own and no namespaceObject. */
export function conditionsOf(policy: Policy, about: About): { readonly holds: boolean; readonly error?: string } {
  if (policy.matchConditions.length === 0) return { holds: true };
  const bindings = bindingsOf({ ...about, namespace: undefined }, policy);
  try {
    return conditionsHold(policy.matchConditions, new Evaluation(bindings, policy.variables, RUNTIME_BUDGET_MATCH_CONDITIONS));
  } catch (error) {
    return { holds: false, error: (error as Error).message };
  }
}
