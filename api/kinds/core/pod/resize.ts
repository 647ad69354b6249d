// Resizing a pod that exists: cpu and memory of its containers, and nothing else.
import type { Container, Pod, PodSpec, ResourceRequirements } from '../../../gen/types/core.v1.ts';
import { deepCopy, forbiddenField, invalidValue, type Problem, semanticEqual } from '../../../meta/index.ts';
import type { ResourceList } from '../resources.ts';
import { qosClass } from './qos.ts';

const LISTS = ['initContainers', 'containers'] as const;

/** The old spec with the new resources, when the containers are the same; else the new one, for validation to refuse. */
export function resized(spec: PodSpec, old: PodSpec): PodSpec {
  if (renamed(spec, old).length > 0) return spec;
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
  else delete out.resources;
  return out;
}

/** Of /resize, after the checks of every pod, whose findings are `general`: with any, what else changed is of no interest. */
export function validateResize(pod: Pod, before: Pod, general: readonly Problem[]): Problem[] {
  const [spec, old] = [pod.spec!, before.spec!];
  if (before.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined)
    return [forbiddenField('', 'static pods cannot be resized')];
  if (old.os?.name === 'windows') return [forbiddenField('', 'windows pods cannot be resized')];
  const problems = [...general];
  const qos = before.status?.qosClass ?? qosClass(old);
  if (qos !== qosClass(spec)) problems.push(invalidValue('spec', qos, 'Pod QOS Class may not change as a result of resizing'));
  problems.push(...validatePodLevel(spec.resources, old.resources));
  const others = renamed(spec, old);
  if (others.length > 0) return [...problems, ...others];
  for (const list of LISTS)
    for (const [at, container] of (spec[list] ?? []).entries())
      problems.push(...validateRemoved(container.resources, old[list]![at]!.resources, `spec.${list}[${at}].resources`, 'resource'));
  if (general.length > 0) return problems;
  return [
    ...problems,
    ...spec.containers.flatMap((container, at) => validateFixed(container, old.containers[at]!)),
    ...(spec.initContainers ?? []).flatMap((container, at) => validateFixedInit(container, old.initContainers![at]!, at)),
  ];
}

/** Containers that are not those of before, at their places. */
function renamed(spec: PodSpec, old: PodSpec): Problem[] {
  return (['containers', 'initContainers'] as const).flatMap((list) => {
    const [now, before] = [spec[list] ?? [], old[list] ?? []];
    if (now.length !== before.length) return [forbiddenField(`spec.${list}`, `${list} may not be added or removed on resize`)];
    return now.flatMap(({ name }, at) =>
      name === before[at]!.name ? [] : [forbiddenField(`spec.${list}[${at}].name`, `${list} may not be renamed or reordered on resize`)],
    );
  });
}

function validatePodLevel(now: ResourceRequirements | undefined, old: ResourceRequirements | undefined): Problem[] {
  if (old && !now) return [forbiddenField('spec.resources', 'pod-level resources cannot be removed')];
  const isFixed = semanticEqual(withoutComputing(now), withoutComputing(old));
  return [
    ...validateRemoved(now, old, 'spec.resources', 'pod-level resource'),
    ...(isFixed ? [] : [forbiddenField('spec', 'only cpu and memory resources are mutable at pod-level')]),
  ];
}

const validateFixed = (container: Container, old: Container): Problem[] =>
  semanticEqual(fixedPart(container), fixedPart(old)) ? [] : [forbiddenField('spec', 'only cpu and memory resources are mutable')];

const validateFixedInit = (container: Container, old: Container, at: number): Problem[] =>
  semanticEqual(fixedPart(container), fixedPart(old))
    ? []
    : [forbiddenField(`spec.initContainers[${at}]`, 'only cpu and memory resources for init or sidecar containers are mutable')];

/** Amounts may change, not go. */
function validateRemoved(
  now: ResourceRequirements | undefined,
  old: ResourceRequirements | undefined,
  path: string,
  what: string,
): Problem[] {
  return (['requests', 'limits'] as const).flatMap((list) => {
    const gone = Object.keys(old?.[list] ?? {}).some((name) => now?.[list]?.[name] === undefined);
    return gone ? [forbiddenField(`${path}.${list}`, `${what} ${list} cannot be removed`)] : [];
  });
}

/** A container without its cpu and memory. */
const fixedPart = (container: Container): Container => ({ ...container, resources: withoutComputing(container.resources) });

function withoutComputing(resources: ResourceRequirements | undefined): ResourceRequirements {
  const rest = (list: ResourceList | undefined): ResourceList => {
    const { cpu: _, memory: __, ...others } = list ?? {};
    return others;
  };
  return { ...resources, limits: rest(resources?.limits), requests: rest(resources?.requests) };
}
