// Entry of kit/client: how components talk to the API.
export * from './client.ts';
export * from './discovery.ts';
export * from './events.ts';
export * from './factory.ts';
export * from './https.ts';
export * from './indexed.ts';
export * from './informer.ts';
export * from './kubeconfig.ts';
export * from './lines.ts';
export * from './paths.ts';
export * from './resources.ts';
export * from './status.ts';
