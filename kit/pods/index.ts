// Entry of kit/pods: what a pod's spec and status mean, to all that read pods.
export * from './containers.ts';
export * from './state.ts';
