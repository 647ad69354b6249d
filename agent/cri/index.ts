// Entry of agent/cri: the interface, its errors and the one way to make it.

export type { CniOptions } from './context.ts';
export { type CriOptions, createCri } from './create-cri.ts';
export * from './cri.ts';
export { EventHub } from './events.ts';
export { Locks } from './locks.ts';
export { toCgroupLimits } from './resources.ts';
export { serveForwardedPort, serveSession } from './serve-streams.ts';
