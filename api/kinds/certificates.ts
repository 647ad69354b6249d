// Behaviours of the kinds of certificates.k8s.io/v1.
import type { Behaviours } from './behaviours.ts';

export const certificates: Behaviours = {};
