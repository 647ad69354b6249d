// Entry of agent/pods.
export { createPods, type Pods } from './create-pods.ts';
