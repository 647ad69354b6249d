// Behaviours of the kinds of policy/v1.
import type { Behaviours } from './behaviours.ts';

export const policy: Behaviours = {};
