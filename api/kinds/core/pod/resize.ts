// Resizing a pod that exists: cpu and memory of its containers, and nothing else.
import type { Container, Pod, PodSpec, ResourceRequirements } from '../../../gen/types/core.v1.ts';
import { deepCopy, forbiddenField, invalidValue, type Problem, semanticEqual } from '../../../meta/index.ts';
import type { ResourceList } from '../resources.ts';
import { qosClass } from './qos.ts';

const LISTS = ['initContainers', 'containers'] as const;

/** The old spec with the new resources, when the containers are the same; else the new one, for validation to refuse. */
export function resized(spec: PodSpec, old: PodSpec): PodSpec {
  const same = LISTS.every(
    (list) => (spec[list] ?? []).map(({ name }) => name).join() === (old[list] ?? []).map(({ name }) => name).join(),
  );
  if (!same) return spec;
  const out = deepCopy(old);
  for (const list of LISTS) {
    for (const [at, container] of (out[list] ?? []).entries()) {
      const { resources, resizePolicy } = spec[list]![at]!;
      if (resources) container.resources = resources;
      if (resizePolicy) container.resizePolicy = resizePolicy;
      else delete container.resizePolicy;
    }
  }
  if (spec.resources) out.resources = spec.resources;
  return out;
}

/** Of /resize, after the checks of every pod, whose findings are `general`: with any, what else changed is of no interest. */
export function validateResize(pod: Pod, before: Pod, general: readonly Problem[]): Problem[] {
  const [spec, old] = [pod.spec!, before.spec!];
  if (before.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined)
    return [forbiddenField('', 'static pods cannot be resized')];
  const problems = [...general];
  const qos = before.status?.qosClass ?? qosClass(old);
  if (qos !== qosClass(spec)) problems.push(invalidValue('spec', qos, 'Pod QOS Class may not change as a result of resizing'));
  for (const list of LISTS) {
    const names = (containers: Container[] | undefined): string => (containers ?? []).map(({ name }) => name).join();
    if (names(spec[list]) !== names(old[list]))
      return [...problems, forbiddenField(`spec.${list}`, 'containers may not be renamed, reordered, added or removed on resize')];
    for (const [at, container] of (spec[list] ?? []).entries())
      problems.push(...validateRemoved(container.resources, old[list]![at]!.resources, `spec.${list}[${at}].resources`));
  }
  if (general.length > 0) return problems;
  for (const [at, container] of (spec.containers ?? []).entries()) {
    if (!semanticEqual(fixedPart(container), fixedPart(old.containers[at]!)))
      problems.push(forbiddenField('spec', 'only cpu and memory resources are mutable'));
  }
  for (const [at, container] of (spec.initContainers ?? []).entries()) {
    if (semanticEqual(fixedPart(container), fixedPart(old.initContainers![at]!))) continue;
    problems.push(forbiddenField(`spec.initContainers[${at}]`, 'only cpu and memory resources for init or sidecar containers are mutable'));
  }
  return problems;
}

/** Amounts may change, not go. */
function validateRemoved(now: ResourceRequirements | undefined, old: ResourceRequirements | undefined, path: string): Problem[] {
  return (['requests', 'limits'] as const).flatMap((list) => {
    const gone = Object.keys(old?.[list] ?? {}).some((name) => now?.[list]?.[name] === undefined);
    return gone ? [forbiddenField(`${path}.${list}`, `resource ${list} cannot be removed`)] : [];
  });
}

/** A container without its cpu and memory. */
function fixedPart(container: Container): Container {
  const rest = (list: ResourceList | undefined): ResourceList => {
    const { cpu: _, memory: __, ...others } = list ?? {};
    return others;
  };
  const { resources } = container;
  return { ...container, resources: { ...resources, limits: rest(resources?.limits), requests: rest(resources?.requests) } };
}
