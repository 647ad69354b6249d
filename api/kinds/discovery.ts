// Behaviours of the kinds of discovery.k8s.io/v1.
import type { Behaviours } from './behaviours.ts';

export const discovery: Behaviours = {};
