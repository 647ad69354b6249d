// Entry of kit/placement: which node a pod may be on, which volume a claim may get; for the scheduler, controllers and agents alike.
export * from './attachments.ts';
export * from './host-ports.ts';
export * from './local-path.ts';
export * from './node-selectors.ts';
export * from './taints.ts';
export * from './volumes.ts';
