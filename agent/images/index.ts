// Entry of agent/images: names, the store, archives and pulls.
export * from './archive.ts';
export * from './config.ts';
export * from './pull.ts';
export * from './reference.ts';
export * from './store.ts';
