// Entry of agent/cri: the interface, its errors and the one way to make it.

export { MASKED_PATHS, READONLY_PATHS } from '../runtime/index.ts';
export { refuseCdi } from './cdi.ts';
export type { CniOptions } from './context.ts';
export { type CriOptions, createCri } from './create-cri.ts';
export * from './cri.ts';
export { EventHub } from './events.ts';
export { imageName, imageNameOrId } from './image-name.ts';
export { checkSameDriver, toCgroupLimits } from './resources.ts';
export { serveForwardedPort, serveSession } from './serve-streams.ts';
