// Behaviours of the kinds of autoscaling/v1: stored as v2.
import { toV1, toV2 } from './autoscaling/conversion.ts';
import { horizontalPodAutoscaler, validate, validateStatus } from './autoscaling/hpa.ts';
import type { Behaviours } from './behaviours.ts';
import { childOf, setDefaults } from './rules.ts';

const metricsAnnotation = 'autoscaling.alpha.kubernetes.io/metrics';

export const autoscalingV1: Behaviours = {
  HorizontalPodAutoscaler: {
    hasGeneration: false,
    defaults: (object) => {
      const spec = childOf(object, 'spec');
      setDefaults(spec, { minReplicas: 1 });
      if (object.metadata.annotations?.[metricsAnnotation] === undefined) setDefaults(spec, { targetCPUUtilizationPercentage: 80 });
    },
    validate: (object, old) => validate(toV2(object), old && toV2(old)),
    validateSubresource: { status: validateStatus },
    columns: horizontalPodAutoscaler.columns!.map((column) => ({ ...column, of: (object, nowMs) => column.of(toV2(object), nowMs) })),
    storage: { group: 'autoscaling', version: 'v2', toStored: toV2, fromStored: toV1 },
  },
  Scale: { virtual: true },
};
