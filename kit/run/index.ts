// Entry of kit/run: how processes, operations, time and logs are run.
export * from './backoff.ts';
export * from './bounded-map.ts';
export * from './clock.ts';
export * from './deadline.ts';
export * from './drained.ts';
export * from './log.ts';
export * from './op.ts';
export * from './retry.ts';
export * from './services.ts';
export * from './slices.ts';
export * from './steps.ts';
export * from './thread.ts';
export * from './turns.ts';
export * from './wait.ts';
