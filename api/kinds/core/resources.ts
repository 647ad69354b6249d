// Lists of resources (cpu: 500m, memory: 1Gi, ...): arithmetic and the forms in which the server keeps them.
import { addQuantities, milliQuantity, parseQuantity, type Quantity, quantityAtScale, quantityText } from '../../meta/index.ts';

export type ResourceList = Record<string, string>;

/** Amounts finer than a thousandth are rounded up, in place. */
export function roundResources(list: ResourceList | undefined | null): void {
  for (const name of Object.keys(list ?? {})) {
    const quantity = parseQuantity(list![name]!);
    if (quantity.scale < -3 && quantity.unscaled % 10n ** BigInt(-3 - quantity.scale) !== 0n) {
      list![name] = quantityText(milliQuantity(quantityAtScale(quantity, -3), quantity.format));
    }
  }
}

/** Requests that are missing take the limit's value, in place. */
export function requestsFromLimits(resources: { limits?: ResourceList; requests?: ResourceList } | undefined): void {
  if (!resources?.limits) return;
  resources.requests = { ...resources.limits, ...resources.requests };
}

/** Adds `more` to `sums`, by name. */
export function addResources(sums: Map<string, Quantity>, more: ResourceList | undefined | null): void {
  for (const [name, text] of Object.entries(more ?? {})) {
    const quantity = parseQuantity(text);
    const known = sums.get(name);
    sums.set(name, known ? addQuantities(known, quantity) : quantity);
  }
}
