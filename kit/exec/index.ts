// Entry of kit/exec.
export * from './daemon.ts';
export * from './interactive.ts';
export * from './process.ts';
export * from './run.ts';
export * from './start.ts';
