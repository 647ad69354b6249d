// Entry of api/meta: what is common to all objects.
export * from './object.ts';
export * from './schema.ts';
export * from './status.ts';
