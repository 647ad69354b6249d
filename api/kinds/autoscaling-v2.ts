// Behaviours of the kinds of autoscaling/v2.
import type { Behaviours } from './behaviours.ts';

export const autoscalingV2: Behaviours = {};
