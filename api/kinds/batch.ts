// Behaviours of the kinds of batch/v1.
import type { Behaviours } from './behaviours.ts';

export const batch: Behaviours = {};
