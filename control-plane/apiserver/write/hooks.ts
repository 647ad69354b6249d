// Work of the server itself at writes of certain kinds (Service addresses, CRD conditions), as data beside the verbs.
import type { KubeObject } from '../../../api/meta/index.ts';

/** Undone when the write does not happen; `commit` when it does. */
export interface Reservation {
  commit(): void | Promise<void>;
  release(): void;
}

export interface WriteHook {
  /** Before validation; may change `object`. The reservation is released when the write fails or is a dry run. */
  beforeCreate?(object: KubeObject): Reservation | undefined;
  beforeUpdate?(object: KubeObject, old: KubeObject): Reservation | undefined;
  afterDelete?(object: KubeObject): void | Promise<void>;
}

/** By `group/plural`. */
export type WriteHooks = Readonly<Record<string, WriteHook>>;
