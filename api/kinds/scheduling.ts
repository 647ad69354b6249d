// Behaviours of the kinds of scheduling.k8s.io/v1.
import type { Behaviours } from './behaviours.ts';

export const scheduling: Behaviours = {};
