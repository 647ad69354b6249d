// Behaviours of the kinds of coordination.k8s.io/v1.
import type { Behaviours } from './behaviours.ts';

export const coordination: Behaviours = {};
