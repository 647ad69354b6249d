// Entry of api/patch: the forms of PATCH, and who owns which field.
export * from './json-patch.ts';
export * from './merge-patch.ts';
export * from './strategic.ts';
