// Entry of agent/stats: what this node and its pods use.
export {
  busyNanos,
  type MemoryUsage,
  memoryCapacity,
  memoryUsage,
  type PidUsage,
  pidUsage,
  type SwapUsage,
  swapUsage,
} from './machine.ts';
export {
  type ContainerUsage,
  ephemeralBytes,
  ephemeralInodes,
  type PodUsage,
  podUsages,
  type UsageSources,
  type VolumeUsage,
} from './pods.ts';
export { SummaryMaker } from './summary.ts';
