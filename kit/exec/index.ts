// Entry of kit/exec.
export * from './run.ts';
