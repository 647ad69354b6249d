// Behaviours of the kinds of rbac.authorization.k8s.io/v1.
import type { Behaviours } from './behaviours.ts';

export const rbac: Behaviours = {};
