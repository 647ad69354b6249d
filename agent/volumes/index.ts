// Entry of agent/volumes.
export { fieldText, type PodPlace, resourceText } from './downward.ts';
export type { ObjectCache, ObjectKind } from './objects.ts';
export { VolumeProblem } from './payload.ts';
export { type PodVolumes, VolumeSetupError, Volumes, type VolumesOptions } from './volumes.ts';
