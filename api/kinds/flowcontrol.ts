// Behaviours of the kinds of flowcontrol.apiserver.k8s.io/v1.
import type { Behaviours } from './behaviours.ts';

export const flowcontrol: Behaviours = {};
