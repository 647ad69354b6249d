// Entry of kit/queue.
export * from './reconciler.ts';
