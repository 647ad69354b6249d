// Entry of agent/images: names, the store, pulls, archives and garbage collection.
export * from './archive.ts';
export * from './config.ts';
export { loadCredentialProviders } from './credential-provider-config.ts';
export { CredentialProviders, type PodAccount } from './credential-providers.ts';
export * from './export.ts';
export * from './gc.ts';
export * from './image-gc.ts';
export * from './keyring.ts';
export { workFolderName } from './mounted.ts';
export * from './pull.ts';
export { VERIFICATION_POLICIES, type VerificationPolicy } from './pull-access.ts';
export { type PresentImage, PullRecords } from './pull-records.ts';
export * from './reference.ts';
export * from './store.ts';
