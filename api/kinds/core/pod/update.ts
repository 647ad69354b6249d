// What may change on a pod that exists: images, a few numbers, tolerations that are added, gates that are removed.
import type { Container, Pod, PodSpec, PodStatus, Toleration } from '../../../gen/types/core.v1.ts';
import {
  deepCopy,
  dns1123Subdomain,
  forbiddenField,
  inclusiveRange,
  invalidValue,
  type Problem,
  qualifiedName,
  required,
  semanticEqual,
} from '../../../meta/index.ts';
import { immutable, texts } from '../../rules.ts';
import { goDiff } from '../go-diff.ts';
import { validateIp } from '../ip.ts';

const UPDATABLE = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

export function validatePodUpdate(spec: PodSpec, old: PodSpec): Problem[] {
  const problems: Problem[] = [];
  for (const list of ['containers', 'initContainers'] as const) {
    const found = validateContainers(spec[list] ?? [], old[list] ?? [], `spec.${list}`);
    problems.push(...found);
    if (found.some(({ reason }) => reason === 'FieldValueForbidden')) return problems;
  }
  const deadline = validateDeadline(spec.activeDeadlineSeconds, old.activeDeadlineSeconds);
  problems.push(...deadline);
  if (deadline.length && spec.activeDeadlineSeconds !== undefined) return problems;
  problems.push(...validateTolerations(spec.tolerations ?? [], old.tolerations ?? []), ...validateGates(spec, old));
  // A finding of its own says what is wrong already.
  if (deadline.length) return problems;
  const kept = masked(spec, old);
  if (!semanticEqual(kept, old)) {
    const changed = goDiff(innerSpec(old), innerSpec(kept), 'PodSpec');
    problems.push(forbiddenField('spec', `pod updates may not change fields other than ${UPDATABLE}\n${changed}`));
  }
  return problems;
}

function validateContainers(containers: Container[], old: Container[], path: string): Problem[] {
  if (containers.length !== old.length) return [forbiddenField(path, 'pod updates may not add or remove containers')];
  return containers.flatMap(({ image }, at) => (image ? [] : [required(`${path}[${at}].image`)]));
}

function validateDeadline(now: number | undefined, old: number | undefined): Problem[] {
  const field = 'spec.activeDeadlineSeconds';
  if (now === undefined)
    return old === undefined ? [] : [invalidValue(field, null, 'must not update from a positive integer to nil value')];
  if (now < 0 || now > 2147483647) return [invalidValue(field, now, inclusiveRange(0, 2147483647))];
  return old !== undefined && old < now ? [invalidValue(field, now, 'must be less than or equal to previous value')] : [];
}

function validateTolerations(now: Toleration[], old: Toleration[]): Problem[] {
  const same = (a: Toleration, b: Toleration): boolean => semanticEqual({ ...a, tolerationSeconds: 0 }, { ...b, tolerationSeconds: 0 });
  if (old.every((one) => now.some((other) => same(one, other)))) return [];
  return [forbiddenField('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')];
}

function validateGates({ schedulingGates: now = [] }: PodSpec, { schedulingGates: old = [] }: PodSpec): Problem[] {
  const names = new Set(old.map(({ name }) => name));
  return now.flatMap(({ name }, at) =>
    names.has(name)
      ? []
      : [forbiddenField(`spec.schedulingGates[${at}].name`, `only deletion is allowed, but found new scheduling gate '${name}'`)],
  );
}

/** The new spec with the old one's values where changes are allowed. */
function masked(spec: PodSpec, old: PodSpec): PodSpec {
  const out = deepCopy(spec);
  for (const list of ['containers', 'initContainers'] as const) {
    for (const [at, container] of (out[list] ?? []).entries()) copy(container, old[list]![at]!, 'image');
  }
  for (const name of ['activeDeadlineSeconds', 'schedulingGates', 'tolerations'] as const) copy(out, old, name);
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && out.terminationGracePeriodSeconds === 1)
    copy(out, old, 'terminationGracePeriodSeconds');
  if (old.schedulingGates?.length) maskGated(out, old);
  return out;
}

/** A gated pod's placement may still be narrowed. */
function maskGated(out: PodSpec, old: PodSpec): void {
  const kept = Object.entries(old.nodeSelector ?? {}).every(([key, value]) => out.nodeSelector?.[key] === value);
  if (kept) copy(out, old, 'nodeSelector');
  if (out.affinity?.nodeAffinity && !old.affinity?.nodeAffinity) {
    delete out.affinity.nodeAffinity;
    if (Object.keys(out.affinity).length === 0) copy(out, old, 'affinity');
  }
}

function copy<T extends object>(target: T, source: T, name: keyof T): void {
  if (source[name] === undefined) delete target[name];
  else target[name] = source[name];
}

/** As the server holds it inside: what the pod shares with its host is part of the security context. */
function innerSpec(spec: PodSpec): object {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers, securityContext } = spec;
  return { ...spec, securityContext: { ...securityContext, hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers } };
}

/** Of /ephemeralcontainers: they may be added, never changed or removed. */
export function validateEphemeralUpdate(pod: Pod, before: Pod): Problem[] {
  if (before.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined)
    return [forbiddenField('', 'static pods do not support ephemeral containers')];
  const now = new Map((pod.spec?.ephemeralContainers ?? []).map((container) => [container.name, container]));
  return (before.spec?.ephemeralContainers ?? []).flatMap((container) => {
    const found = now.get(container.name);
    const what = `existing ephemeral containers ${JSON.stringify(container.name)} may not be`;
    if (!found) return [forbiddenField('spec.ephemeralContainers', `${what} removed\n`)];
    if (semanticEqual(found, container)) return [];
    return [forbiddenField('spec.ephemeralContainers', `${what} changed\n${goDiff(container, found, 'EphemeralContainer')}`)];
  });
}

const SYSTEM_CONDITIONS = new Set(['PodScheduled', 'Ready', 'Initialized']);

/** Of /status. */
export function validatePodStatus(pod: Pod, before: Pod): Problem[] {
  const status: PodStatus = pod.status ?? {};
  const old: PodStatus = before.status ?? {};
  const problems: Problem[] = [];
  for (const [at, { type }] of (status.conditions ?? []).entries()) {
    if (!SYSTEM_CONDITIONS.has(type)) problems.push(...texts(`status.conditions[${at}].Type`, type, qualifiedName(type)));
  }
  const nominated = status.nominatedNodeName;
  if (nominated && nominated !== old.nominatedNodeName) {
    problems.push(...texts('status.nominatedNodeName', nominated, dns1123Subdomain(nominated)));
    if (before.spec?.nodeName)
      problems.push(forbiddenField('status.nominatedNodeName', 'may not be set on pods that are already bound to a node'));
  }
  problems.push(...immutable('status.qosClass', status.qosClass, old.qosClass), ...validateTransitions(pod, before));
  return [...problems, ...(status.podIPs ?? []).flatMap(({ ip = '' }, at) => validateIp(`status.podIPs[${at}]`, ip))];
}

/** An ended container stays ended, unless its restart policy lets it start again. */
function validateTransitions(pod: Pod, before: Pod): Problem[] {
  const policy = before.spec?.restartPolicy ?? 'Always';
  const containers = [...(before.spec?.initContainers ?? []), ...(before.spec?.containers ?? [])];
  // One container's exit may start all of them again.
  if (containers.some(({ restartPolicyRules }) => restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers'))) return [];
  return (before.status?.containerStatuses ?? []).flatMap(({ name, state }, at) => {
    const ended = state?.terminated;
    const now = pod.status?.containerStatuses?.find((status) => status.name === name);
    if (!ended || !now || now.state?.terminated) return [];
    const container = before.spec?.containers?.find((one) => one.name === name);
    if (container?.restartPolicyRules?.length) return [];
    const own = container?.restartPolicy ?? policy;
    if (own === 'Always' || (own === 'OnFailure' && ended.exitCode !== 0)) return [];
    return [forbiddenField(`status.containerStatuses[${at}].state`, 'may not be transitioned to non-terminated state')];
  });
}
