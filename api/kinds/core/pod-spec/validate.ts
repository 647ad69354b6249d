// Checks of a pod spec: what pods and pod templates have in common, in upstream's order.
import type { PodResourceClaim, PodSpec } from '../../../gen/types/core.v1.ts';
import {
  dns1123Label,
  dns1123Subdomain,
  duplicate,
  forbiddenField,
  inclusiveRange,
  invalidValue,
  notFoundValue,
  notSupported,
  type ObjectMeta,
  type Problem,
  qualifiedName,
  required,
  validateAnnotations,
  validateLabels,
} from '../../../meta/index.ts';
import { texts } from '../../rules.ts';
import { validateTolerations } from '../taints.ts';
import { goForm } from './go-form.ts';
import { type PodContext, validateContainers, validateEphemeralContainers, validateInitContainers } from './validate-containers.ts';
import {
  validateDnsConfig,
  validateDnsPolicy,
  validateHostAliases,
  validateHostNetworkPorts,
  validateHostnameOverride,
  validateHostnames,
} from './validate-network.ts';
import { validatePodLevel } from './validate-pod-resources.ts';
import { validateResources } from './validate-resources.ts';
import { validateAffinity, validateSpread } from './validate-scheduling.ts';
import { validateHostUsers, validatePodSecurity } from './validate-security.ts';
import { validateVolumes } from './validate-volumes.ts';
import { validateForOs, validateHostProcess } from './windows.ts';

/** `meta` is the pod's; templates have none yet. */
export function validatePodSpec(spec: PodSpec, meta: ObjectMeta | undefined, path: string): Problem[] {
  const { problems: volumes, sound } = validateVolumes(spec.volumes ?? [], meta, `${path}.volumes`);
  const claims = spec.resourceClaims ?? [];
  const pod: PodContext = { spec, volumes: sound, claims: new Set(claims.map((claim) => claim.name)) };
  return [
    ...(spec.terminationGracePeriodSeconds === undefined ? [required(`${path}.terminationGracePeriodSeconds`)] : []),
    ...volumes,
    ...validateClaims(claims, `${path}.resourceClaims`),
    ...validateContainers(pod, `${path}.containers`),
    ...validateInitContainers(pod, `${path}.initContainers`),
    ...validateEphemeralContainers(pod, `${path}.ephemeralContainers`),
    ...validatePodLevel(spec, `${path}.resources`),
    ...validateHostNetworkPorts(spec, path),
    ...oneOf(`${path}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']),
    ...validateDnsPolicy(spec.dnsPolicy, `${path}.dnsPolicy`),
    ...validateLabels(spec.nodeSelector, `${path}.nodeSelector`),
    ...validatePodSecurity(spec, path),
    ...validateAffinity(spec.affinity, `${path}.affinity`),
    ...validateDnsConfig(spec, `${path}.dnsConfig`),
    ...(spec.readinessGates ?? []).flatMap(({ conditionType }, at) =>
      texts(`${path}.readinessGates[${at}].conditionType`, conditionType, qualifiedName(conditionType)),
    ),
    ...validateGates(spec, `${path}.schedulingGates`),
    ...validateSpread(spec.topologySpreadConstraints ?? [], `${path}.topologySpreadConstraints`),
    ...validateHostUsers(spec, path),
    ...validateHostnameOverride(spec, path),
    ...validateNames(spec, path),
  ];
}

function validateNames(spec: PodSpec, path: string): Problem[] {
  const subdomain = (name: 'serviceAccountName' | 'nodeName' | 'priorityClassName'): Problem[] =>
    spec[name] ? texts(`${path}.${name}`, spec[name], dns1123Subdomain(spec[name])) : [];
  const deadline = spec.activeDeadlineSeconds;
  return [
    ...subdomain('serviceAccountName'),
    ...subdomain('nodeName'),
    ...(deadline !== undefined && (deadline < 1 || deadline > 2147483647)
      ? [invalidValue(`${path}.activeDeadlineSeconds`, deadline, inclusiveRange(1, 2147483647))]
      : []),
    ...validateHostnames(spec, path),
    ...validateTolerations(spec.tolerations ?? [], `${path}.tolerations`),
    ...validateHostAliases(spec.hostAliases ?? [], `${path}.hostAliases`),
    ...subdomain('priorityClassName'),
    ...(spec.runtimeClassName === undefined
      ? []
      : texts(`${path}.runtimeClassName`, spec.runtimeClassName, dns1123Subdomain(spec.runtimeClassName))),
    ...(spec.preemptionPolicy === undefined
      ? []
      : oneOf(`${path}.preemptionPolicy`, spec.preemptionPolicy, ['PreemptLowerPriority', 'Never'])),
    ...(spec.overhead ? validateResources({ limits: spec.overhead }, new Set(), `${path}.overhead`) : []),
    ...validateHostProcess(spec, path),
    ...validateOs(spec, `${path}.os`),
    ...validateForOs(spec, path),
    ...validateFileVolumes(spec, path),
  ];
}

function oneOf(field: string, value: string | undefined, allowed: readonly string[]): Problem[] {
  if (!value) return [required(field)];
  return allowed.includes(value) ? [] : [notSupported(field, value, allowed)];
}

function validateOs({ os }: PodSpec, path: string): Problem[] {
  if (!os) return [];
  if (!os.name) return [required(`${path}.name`)];
  return ['linux', 'windows'].includes(os.name) ? [] : [notSupported(path, os.name, ['linux', 'windows'])];
}

function validateGates({ schedulingGates = [] }: PodSpec, path: string): Problem[] {
  const seen = new Set<string>();
  return schedulingGates.flatMap(({ name }, at) => {
    const problems = texts(`${path}[${at}]`, name, qualifiedName(name));
    if (seen.has(name)) problems.push(duplicate(`${path}[${at}]`, name));
    seen.add(name);
    return problems;
  });
}

function validateClaims(claims: readonly PodResourceClaim[], path: string): Problem[] {
  const seen = new Set<string>();
  return claims.flatMap(({ name, resourceClaimName, resourceClaimTemplateName }, at) => {
    const here = `${path}[${at}]`;
    const problems = name ? texts(`${here}.name`, name, dns1123Label(name)) : [required(`${here}.name`)];
    if (seen.has(name)) problems.push(duplicate(`${here}.name`, name));
    seen.add(name);
    const text = (both: boolean): string =>
      both
        ? 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified'
        : 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`';
    const count = [resourceClaimName, resourceClaimTemplateName].filter((one) => one !== undefined).length;
    if (count !== 1)
      problems.push(invalidValue(here, goForm(claims[at]!, ['Name', 'ResourceClaimName', 'ResourceClaimTemplateName']), text(count > 1)));
    return problems;
  });
}

/** A file of variables lies in an emptyDir of the pod. */
function validateFileVolumes(spec: PodSpec, path: string): Problem[] {
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]));
  return (['initContainers', 'containers'] as const).flatMap((list) =>
    (spec[list] ?? []).flatMap(({ env = [] }, at) =>
      env.flatMap(({ valueFrom }, index) => {
        if (!valueFrom?.fileKeyRef) return [];
        const field = `${path}.${list}[${at}].env[${index}].valueFrom.fileKeyRef.volumeName`;
        const name = valueFrom.fileKeyRef.volumeName;
        if (!volumes.has(name)) return [notFoundValue(field, name)];
        return volumes.get(name)!.emptyDir ? [] : [invalidValue(field, name, 'referenced volume must be of type emptyDir')];
      }),
    ),
  );
}

/** `path` is where the template stands. */
export function validatePodTemplate(template: { metadata?: ObjectMeta; spec?: PodSpec }, path: string): Problem[] {
  const spec = template.spec ?? { containers: [] };
  const problems = [
    ...validateLabels(template.metadata?.labels, `${path}.labels`),
    ...validateAnnotations(template.metadata?.annotations, `${path}.annotations`),
    ...validatePodSpec(spec, undefined, `${path}.spec`),
  ];
  if (spec.ephemeralContainers?.length)
    problems.push(forbiddenField(`${path}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'));
  return problems;
}
