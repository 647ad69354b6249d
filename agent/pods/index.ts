// Entry of agent/pods.
export { logRotation } from './log-rotation.ts';
export { createPods, type Pods, type PodsOptions } from './pods.ts';
