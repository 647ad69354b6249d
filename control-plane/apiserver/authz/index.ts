// Entry of authz: may they.
export * from './authorizer.ts';
export * from './bootstrap.ts';
export * from './certificate-signers.ts';
export * from './escalation.ts';
export * from './node.ts';
export { referencesOf } from './node-references.ts';
export * from './rbac.ts';
export * from './reconcile.ts';
export * from './refusal.ts';
export { fieldsOfText } from './review-selectors.ts';
export * from './reviews.ts';
export * from './rules.ts';
