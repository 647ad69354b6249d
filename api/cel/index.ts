// Entry of api/cel: Kubernetes' expressions. Build an Environment, compile to a Program, evaluate within a budget.

export {
  admissionEnvironment,
  Composition,
  compileExpression,
  conditionsHold,
  Evaluation,
  type Expression,
  OutOfBudget,
  type Result,
} from './admission.ts';
export { Environment, type Outcome, PER_CALL_LIMIT, Program, RUNTIME_BUDGET, RUNTIME_BUDGET_MATCH_CONDITIONS } from './environment.ts';
export { escapeName } from './escape.ts';
export { Constructed, fromJson, toJson } from './json.ts';
export {
  type AuthorizationAnswer,
  type AuthorizationQuestion,
  authorizerValue,
  resourceCheckValue,
} from './library/authorizer.ts';
export { JSON_PATCH } from './library/json-patch.ts';
export { CelError, CompileError, CostLimitError } from './problems.ts';
export { type JsonSchema, kindType, promisedSizes, type SchemaType, schemaType } from './schema-types.ts';
export { BOOL, DYN, formatType, listOf, mapOf, NULL, optionalOf, STRING, structOf, type Type } from './types.ts';
export { type CelMap, isList, isMap, Optional, type Value } from './values.ts';
