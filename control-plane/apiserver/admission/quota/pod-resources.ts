// What a pod asks for in all: sums over containers, the largest init container, overhead. Pure.
import { addQuantities, compareQuantities, parseQuantity, quantityText } from '../../../../api/meta/index.ts';

export type ResourceList = Record<string, string>;

export function sum(a: ResourceList, b: ResourceList): ResourceList {
  const total = { ...a };
  for (const [name, value] of Object.entries(b))
    total[name] = total[name] === undefined ? value : quantityText(addQuantities(parseQuantity(total[name]), parseQuantity(value)));
  return total;
}

function maximum(a: ResourceList, b: ResourceList): ResourceList {
  const result = { ...a };
  for (const [name, value] of Object.entries(b))
    if (result[name] === undefined || compareQuantities(value, result[name]) > 0) result[name] = value;
  return result;
}

interface Container {
  restartPolicy?: string;
  resources?: { requests?: ResourceList; limits?: ResourceList };
}

/** Requests or limits of the whole pod (resource helpers of component-helpers): sidecars run along, other init containers one by one. */
export function podResources(spec: Record<string, any>, field: 'requests' | 'limits'): ResourceList {
  const of = (container: Container): ResourceList => container.resources?.[field] ?? {};
  let running = ((spec['containers'] ?? []) as Container[]).map(of).reduce(sum, {});
  let sidecars: ResourceList = {};
  let starting: ResourceList = {};
  for (const container of (spec['initContainers'] ?? []) as Container[]) {
    if (container.restartPolicy === 'Always') {
      running = sum(running, of(container));
      sidecars = sum(sidecars, of(container));
      starting = maximum(starting, sidecars);
    } else starting = maximum(starting, sum(sidecars, of(container)));
  }
  const total = maximum(running, starting);
  Object.assign(total, spec['resources']?.[field]);
  const overhead: ResourceList = spec['overhead'] ?? {};
  return field === 'requests'
    ? sum(total, overhead)
    : sum(total, Object.fromEntries(Object.entries(overhead).filter(([name]) => total[name] !== undefined)));
}
