// Entry of api/cel: Kubernetes' expressions. Build an Environment, compile to a Program, evaluate within a budget.

export {
  type AdmissionScope,
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
export type { PromisedSize } from './estimate.ts';
export { Constructed, fromJson, toJson } from './json.ts';
export {
  AUTHORIZER,
  type AuthorizationAnswer,
  type AuthorizationQuestion,
  authorizerValue,
  RESOURCE_CHECK,
  resourceCheckValue,
} from './library/authorizer.ts';
export { JSON_PATCH } from './library/json-patch.ts';
export { CelError, CompileError, CostLimitError } from './problems.ts';
export type { Range } from './range.ts';
export { type JsonSchema, kindType, promisedSizes, type SchemaType, schemaType } from './schema-types.ts';
export { BOOL, DYN, formatType, INT, listOf, mapOf, NULL, optionalOf, STRING, structOf, type Type } from './types.ts';
export { type CelMap, isList, isMap, Optional, type Value } from './values.ts';
