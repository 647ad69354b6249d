// The form in which a group's file gives its kinds' behaviours.
import type { Behaviour } from './kind.ts';

/** By kind, e.g. `Deployment`. A kind that is absent behaves in every way by default. */
export type Behaviours = Readonly<Record<string, Behaviour>>;
