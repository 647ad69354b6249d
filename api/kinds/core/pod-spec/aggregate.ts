// What a pod's containers ask for together: the running ones at once, init containers one by one beside the sidecars before them.
import type { Container, PodSpec } from '../../../gen/types/core.v1.ts';
import { compareQuantities, type Quantity } from '../../../meta/index.ts';
import { addResources, type ResourceList } from '../resources.ts';

type Sums = Map<string, Quantity>;

export const aggregateRequests = (spec: PodSpec): Sums => aggregate(spec, ({ resources }) => resources?.requests);
export const aggregateLimits = (spec: PodSpec): Sums => aggregate(spec, ({ resources }) => resources?.limits);

function aggregate(spec: PodSpec, of: (container: Container) => ResourceList | undefined): Sums {
  const running: Sums = new Map();
  const sidecars: Sums = new Map();
  const highest: Sums = new Map();
  for (const container of spec.containers ?? []) addResources(running, of(container));
  for (const container of spec.initContainers ?? []) {
    const now: Sums = new Map(sidecars);
    addResources(now, of(container));
    if (container.restartPolicy === 'Always') {
      addResources(running, of(container));
      addResources(sidecars, of(container));
    }
    raise(highest, now);
  }
  raise(running, highest);
  return running;
}

function raise(sums: Sums, other: Sums): void {
  for (const [name, amount] of other) {
    const known = sums.get(name);
    if (known === undefined || compareQuantities(amount, known) > 0) sums.set(name, amount);
  }
}
