// Entry of api/structural: schemas of custom resources and what they do to objects (prune, default, validate).
export { Correlation } from './correlation.ts';
export { dropNulls, fillDefaults } from './defaults.ts';
export { eachEmbedded, validateEmbedded } from './embedded.ts';
export { fieldPath } from './field-path.ts';
export { isKnownFormat } from './formats.ts';
export { GoRegExpError, goRegExp } from './go-regexp.ts';
export { validateListTypes } from './list-types.ts';
export { prune, pruneValue } from './prune.ts';
export { type CompiledRule, compileRules, estimatedCosts } from './rule-compiler.ts';
export { SchemaRules } from './rules.ts';
export { isObject, type JsonSchema, META_FIELDS, own, someSchema, type ValidationRule, valuesSchema } from './schema.ts';
export { validateValue } from './validate.ts';
