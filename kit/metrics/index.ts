// Entry of kit/metrics: figures of a process as Prometheus' text.
export * from './process.ts';
export * from './series.ts';
