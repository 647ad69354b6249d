// Entry of agent/runtime: the driver interface, the driver for runc and crun, and the pure maker of their configuration.
export { availableCapabilities } from './capabilities.ts';
export * from './oci.ts';
export { OciRuntime, type OciRuntimeOptions } from './oci-runtime.ts';
export type { RuntimeProgram } from './program.ts';
export * from './runtime.ts';
export { type OciSeccomp, parseSeccompProfile } from './seccomp.ts';
export * from './spec.ts';
