// Entry of agent/eviction: pods that end so that the node goes on.

export { type Eviction, evictionManager } from './manager.ts';
export { type EvictionSettings, evictionSettings } from './settings.ts';
export { keptFree } from './thresholds.ts';
