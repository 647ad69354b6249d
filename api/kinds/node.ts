// Behaviours of the kinds of node.k8s.io/v1.
import type { Behaviours } from './behaviours.ts';

export const node: Behaviours = {};
