// Behaviours of the kinds of apiextensions.k8s.io/v1.
import type { Behaviours } from './behaviours.ts';

export const apiextensions: Behaviours = {};
