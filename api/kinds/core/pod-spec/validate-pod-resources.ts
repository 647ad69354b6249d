// Checks of the resources of a pod as a whole.
import type { PodSpec } from '../../../gen/types/core.v1.ts';
import {
  compareQuantities,
  forbiddenField,
  invalidValue,
  notSupported,
  type Problem,
  type Quantity,
  quantityText,
} from '../../../meta/index.ts';
import { isPodLevelResource } from '../resource-names.ts';
import { aggregateLimits, aggregateRequests } from './aggregate.ts';
import { validateResources } from './validate-resources.ts';

export function validatePodLevel(spec: PodSpec, path: string): Problem[] {
  const { resources } = spec;
  if (!resources) return [];
  const check = (name: string, field: string): Problem[] =>
    isPodLevelResource(name) ? [] : [notSupported(field, name, ['cpu', 'hugepages-', 'memory'])];
  return [
    ...(resources.claims ? [forbiddenField(`${path}.claims`, 'claims may not be set for Resources at pod-level')] : []),
    ...validateResources(resources, new Set(), path, check),
    ...validateShares(spec, path),
  ];
}

const isLess = (own: string | undefined, all: Quantity): own is string => own !== undefined && compareQuantities(all, own) > 0;

/** The pod's resources against what its containers ask for. */
function validateShares(spec: PodSpec, path: string): Problem[] {
  const { requests = {}, limits = {} } = spec.resources ?? {};
  const problems: Problem[] = [];
  for (const [name, all] of aggregateRequests(spec)) {
    const own = requests[name];
    const text = `must be greater than or equal to aggregate container requests of ${quantityText(all)}`;
    if (isLess(own, all)) problems.push(invalidValue(`${path}.requests[${name}]`, own, text));
  }
  for (const [name, all] of aggregateLimits(spec)) {
    const own = limits[name];
    const text = `must be greater than or equal to aggregate container limits of ${quantityText(all)}`;
    if (name.startsWith('hugepages-') && isLess(own, all)) problems.push(invalidValue(`${path}.limits[${name}]`, own, text));
  }
  for (const [at, container] of (spec.containers ?? []).entries()) {
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const own = limits[name];
      if (own === undefined || compareQuantities(limit, own) <= 0) continue;
      problems.push(invalidValue(`${path}.containers[${at}][${name}].limits`, limit, `must be less than or equal to pod limits of ${own}`));
    }
  }
  return problems;
}
