// Behaviours of the kinds of apiregistration.k8s.io/v1.
import type { Behaviours } from './behaviours.ts';

export const apiregistration: Behaviours = {};
