// Behaviours of the kinds of events.k8s.io/v1.
import type { Behaviours } from './behaviours.ts';

export const events: Behaviours = {};
