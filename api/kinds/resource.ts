// Behaviours of the kinds of resource.k8s.io/v1.
import type { Behaviours } from './behaviours.ts';

export const resource: Behaviours = {};
