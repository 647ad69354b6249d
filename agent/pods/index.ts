// Entry of agent/pods.
export { createPods, type Pods, type PodsOptions } from './pods.ts';
