// The generated types that checks of pods use, under one roof.
export type * from '../../gen/types/core.v1.ts';
export type { LabelSelector } from '../../gen/types/meta.v1.ts';
export type { ObjectMeta } from '../../meta/index.ts';
