// Entry of api/patch: the forms of PATCH, and who owns which field.
export { type ApplyRequest, type ApplyResult, apply } from './apply.ts';
export { mergeConfiguration } from './configuration.ts';
export { InapplicablePatch, type JsonPatchOperation, jsonPatch } from './json-patch.ts';
export { mergePatch } from './merge-patch.ts';
export { strategicMergePatch } from './strategic.ts';
export { type TrackUpdate, trackUpdate } from './track.ts';
export type { Convert, InVersion } from './versions.ts';
