// Entry of agent/images: names, the store, pulls, archives and garbage collection.
export * from './archive.ts';
export * from './config.ts';
export { CredentialProviders, loadCredentialProviders } from './credential-providers.ts';
export * from './export.ts';
export * from './gc.ts';
export * from './image-gc.ts';
export * from './keyring.ts';
export * from './pull.ts';
export * from './reference.ts';
export * from './store.ts';
