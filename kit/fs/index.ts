// Entry of kit/fs.
export * from './atomic.ts';
export * from './lock.ts';
