// Entry of kit/fs.
export * from './atomic.ts';
export * from './disk-usage.ts';
export * from './error-text.ts';
export * from './fs-usage.ts';
export * from './lock.ts';
export * from './names.ts';
