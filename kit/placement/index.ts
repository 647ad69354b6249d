// Entry of kit/placement: whether a node is one that a pod may be on; for the scheduler, controllers and agents alike.
export * from './node-selectors.ts';
export * from './taints.ts';
