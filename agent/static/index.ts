// Entry of agent/static: pods that come from files of the node, and their images in the API.

export { type StaticFiles, staticFiles } from './files.ts';
export { isMirror, MirrorPods, mirroredUid } from './mirror.ts';
