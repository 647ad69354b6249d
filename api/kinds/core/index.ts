// Behaviours of the kinds of the core group.
import type { Behaviours } from '../behaviours.ts';

export const core: Behaviours = { Binding: { virtual: true }, ComponentStatus: { virtual: true } };
