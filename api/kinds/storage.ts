// Behaviours of the kinds of storage.k8s.io/v1.
import type { Behaviours } from './behaviours.ts';

export const storage: Behaviours = {};
