// Behaviours of the kinds of networking.k8s.io/v1.
import type { Behaviours } from './behaviours.ts';

export const networking: Behaviours = {};
