// Entry of api/meta: what is common to all objects.
export * from './addresses.ts';
export * from './conditions.ts';
export * from './duration.ts';
export * from './equality.ts';
export * from './errors.ts';
export * from './extended-resources.ts';
export * from './go-print.ts';
export * from './json.ts';
export * from './json-scan.ts';
export * from './names.ts';
export * from './object.ts';
export * from './problems.ts';
export * from './quantity.ts';
export * from './schema.ts';
export * from './selectors.ts';
export * from './status.ts';
export * from './text-rules.ts';
