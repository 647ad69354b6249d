// Entry of agent/volumes.
export { isReadOnlyVolume } from './api-volumes.ts';
export { Drivers, type PluginType } from './csi/drivers.ts';
export { LIMIT_EXCEEDED } from './csi/limit.ts';
export { fieldText, type PodPlace, resourceText } from './downward.ts';
export { VolumeSetupError, waitingText } from './failure.ts';
export { LocalPaths } from './local-path.ts';
export type { ObjectCache, ObjectKind } from './objects.ts';
export { VolumeProblem } from './payload.ts';
export { SubPathMissing } from './sub-path.ts';
export type { Tokens } from './tokens.ts';
export { usedVolumes } from './used.ts';
export { type PodVolumes, Volumes, type VolumesOptions } from './volumes.ts';
