// Behaviours of the kinds of autoscaling/v2.
import { horizontalPodAutoscaler } from './autoscaling/hpa.ts';
import type { Behaviours } from './behaviours.ts';

export const autoscalingV2: Behaviours = { HorizontalPodAutoscaler: horizontalPodAutoscaler };
