// Behaviours of the kinds of autoscaling/v1.
import type { Behaviours } from './behaviours.ts';

export const autoscalingV1: Behaviours = {};
