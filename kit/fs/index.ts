// Entry of kit/fs.
export * from './atomic.ts';
