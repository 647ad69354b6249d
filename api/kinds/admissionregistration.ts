// Behaviours of the kinds of admissionregistration.k8s.io/v1.
import type { Behaviours } from './behaviours.ts';

export const admissionregistration: Behaviours = {};
