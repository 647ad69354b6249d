// Checks of a container's requests and limits.
import type { ResourceRequirements } from '../../../gen/types/core.v1.ts';
import {
  compareQuantities,
  duplicate,
  forbiddenField,
  invalidValue,
  notFoundValue,
  type Problem,
  quantitySign,
  required,
  toInteger,
  toMilli,
} from '../../../meta/index.ts';
import { isHugePages, isIntegerResource, isOvercommitAllowed, validateContainerResource } from '../resource-names.ts';
import type { ResourceList } from '../resources.ts';

function validateAmount(name: string, amount: string, field: string): Problem[] {
  const problems: Problem[] = [];
  if (quantitySign(amount) < 0) problems.push(invalidValue(field, amount, 'must be greater than or equal to 0'));
  if (isHugePages(name) && !isMultiple(amount, name.slice('hugepages-'.length))) {
    problems.push(invalidValue(field, amount, `${amount} is not positive integer multiple of ${name}`));
  }
  if (isIntegerResource(name) && toMilli(amount) % 1000n !== 0n) problems.push(invalidValue(field, amount, 'must be an integer'));
  return problems;
}

/** Whole pages, at least one. */
function isMultiple(amount: string, page: string): boolean {
  try {
    const size = toInteger(page);
    return size > 0n && toInteger(amount) > 0n && toInteger(amount) % size === 0n;
  } catch {
    return false;
  }
}

function validateList(list: ResourceList, path: string, check: (name: string, field: string) => Problem[]): Problem[] {
  return Object.entries(list).flatMap(([name, amount]) => [
    ...check(name, `${path}[${name}]`),
    ...validateAmount(name, amount, `${path}[${name}]`),
  ]);
}

/** `claims` are the names of the pod's resourceClaims. */
export function validateResources(
  resources: ResourceRequirements | undefined,
  claims: ReadonlySet<string>,
  path: string,
  check: (name: string, field: string) => Problem[] = validateContainerResource,
): Problem[] {
  const limits = resources?.limits ?? {};
  const requests = resources?.requests ?? {};
  const problems = validateList(limits, `${path}.limits`, check);
  for (const [name, amount] of Object.entries(requests)) {
    problems.push(...validateList({ [name]: amount }, `${path}.requests`, check));
    problems.push(...validatePair(name, amount, limits[name], path));
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePages) && !names.some((name) => name === 'cpu' || name === 'memory')) {
    problems.push(forbiddenField(path, 'HugePages require cpu or memory'));
  }
  return [...problems, ...validateClaims(resources, claims, `${path}.claims`)];
}

function validatePair(name: string, request: string, limit: string | undefined, path: string): Problem[] {
  const field = `${path}.requests`;
  if (limit === undefined)
    return isOvercommitAllowed(name) ? [] : [required(`${path}.limits`, 'Limit must be set for non overcommitable resources')];
  const order = compareQuantities(request, limit);
  if (order !== 0 && !isOvercommitAllowed(name)) return [invalidValue(field, request, `must be equal to ${name} limit of ${limit}`)];
  return order > 0 ? [invalidValue(field, request, `must be less than or equal to ${name} limit of ${limit}`)] : [];
}

function validateClaims(resources: ResourceRequirements | undefined, claims: ReadonlySet<string>, path: string): Problem[] {
  const seen = new Set<string>();
  return (resources?.claims ?? []).flatMap(({ name, request }, at) => {
    const problems: Problem[] = [];
    if (!name) problems.push(required(`${path}[${at}]`));
    const key = request === undefined ? name : `${name}/${request}`;
    if (seen.has(key)) problems.push(duplicate(`${path}[${at}]`, key));
    else seen.add(key);
    if (name && !claims.has(name)) {
      const problem = notFoundValue(`${path}[${at}]`, name);
      const known = claims.size === 0 ? ' which is empty' : `: ${[...claims].sort().join(', ')}`;
      problems.push({ ...problem, message: `${problem.message}: must be one of the names in pod.spec.resourceClaims${known}` });
    }
    return problems;
  });
}
