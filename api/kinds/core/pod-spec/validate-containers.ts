// Checks of a pod's containers: regular, init and ephemeral.
import type { Container, ContainerPort, EphemeralContainer, PodSpec, Volume } from '../../../gen/types/core.v1.ts';
import {
  dns1123Label,
  duplicate,
  forbiddenField,
  invalidValue,
  notFoundValue,
  notSupported,
  type Problem,
  portName,
  portNumber,
  required,
  tooMany,
} from '../../../meta/index.ts';
import { texts } from '../../rules.ts';
import { validateEnv, validateEnvFrom } from './validate-env.ts';
import { validateDevices, validateMounts } from './validate-mounts.ts';
import { hostPortConflicts } from './validate-network.ts';
import { validateLifecycle, validateProbe } from './validate-probes.ts';
import { validateResources } from './validate-resources.ts';
import { validateSecurityContext } from './validate-security.ts';

/** What checks of one container need to know of its pod. */
export interface PodContext {
  spec: PodSpec;
  volumes: ReadonlyMap<string, Volume>;
  claims: ReadonlySet<string>;
}

const grace = ({ spec }: PodContext): number => spec.terminationGracePeriodSeconds ?? 30;

export function validateContainers(pod: PodContext, path: string): Problem[] {
  const containers = pod.spec.containers ?? [];
  if (containers.length === 0) return [required(path)];
  const names = new Set<string>();
  const problems = containers.flatMap((container, at) => {
    const here = `${path}[${at}]`;
    const found = validateCommon(container, pod, here);
    if (names.has(container.name)) found.push(duplicate(`${here}.name`, container.name));
    names.add(container.name);
    found.push(...validateHooks(container, pod, here));
    return [...found, ...validateRestart(container, here)];
  });
  return [...problems, ...hostPortConflicts(containers, path)];
}

const validateHooks = (container: Container, pod: PodContext, path: string): Problem[] => [
  ...validateLifecycle(container.lifecycle, grace(pod), path),
  ...validateProbe(container.livenessProbe, 'liveness', grace(pod), path),
  ...validateProbe(container.readinessProbe, 'readiness', grace(pod), path),
  ...validateProbe(container.startupProbe, 'startup', grace(pod), path),
];

export function validateInitContainers(pod: PodContext, path: string): Problem[] {
  const names = new Set((pod.spec.containers ?? []).map((container) => container.name));
  return (pod.spec.initContainers ?? []).flatMap((container, at) => {
    const here = `${path}[${at}]`;
    const problems = [...validateCommon(container, pod, here), ...validateRestart(container, here)];
    if (names.has(container.name)) problems.push(duplicate(`${here}.name`, container.name));
    else if (container.name) names.add(container.name);
    problems.push(...hostPortConflicts([container], path));
    if (container.restartPolicy === 'Always') return [...problems, ...validateHooks(container, pod, here)];
    for (const name of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
      if (container[name])
        problems.push(forbiddenField(`${here}.${name}`, 'may not be set for init containers without restartPolicy=Always'));
    }
    for (const [index, { restartPolicy }] of (container.resizePolicy ?? []).entries()) {
      if (restartPolicy !== 'RestartContainer') continue;
      const text = "must not be set to 'RestartContainer' for non-sidecar initContainers";
      problems.push(invalidValue(`${here}.resizePolicy[${index}].restartPolicy`, restartPolicy, text));
    }
    return problems;
  });
}

/** In the struct's order, which is that of the findings. */
const EPHEMERAL_FORBIDDEN = [
  'ports',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
] as const;

export function validateEphemeralContainers(pod: PodContext, path: string): Problem[] {
  const others = new Set([...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])].map((container) => container.name));
  const names = new Set(others);
  return (pod.spec.ephemeralContainers ?? []).flatMap((container: EphemeralContainer, at) => {
    const here = `${path}[${at}]`;
    const problems = [...validateCommon(container as Container, pod, here), ...validateImageText(container as Container, here)];
    if (names.has(container.name)) problems.push(duplicate(`${here}.name`, container.name));
    names.add(container.name);
    const target = container.targetContainerName;
    if (target && !others.has(target)) problems.push(notFoundValue(`${here}.targetContainerName`, target));
    const why = 'cannot be set for an Ephemeral Container';
    for (const name of EPHEMERAL_FORBIDDEN) if (isSet(container[name])) problems.push(forbiddenField(`${here}.${name}`, why));
    for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
      for (const name of ['subPath', 'subPathExpr'] as const)
        if (mount[name]) problems.push(forbiddenField(`${here}.volumeMounts[${index}].${name}`, why));
    }
    return problems;
  });
}

/** An empty list or struct counts as none. */
const isSet = (value: unknown): boolean =>
  value !== undefined && value !== null && (typeof value !== 'object' || Object.values(value).some((inner) => isSet(inner)));

function validateCommon(container: Container, pod: PodContext, path: string): Problem[] {
  const { name, image, terminationMessagePolicy: policy = '', imagePullPolicy = '' } = container;
  const problems = name ? texts(`${path}.name`, name, dns1123Label(name)) : [required(`${path}.name`)];
  if (!image) problems.push(required(`${path}.image`));
  const messages = ['File', 'FallbackToLogsOnError'];
  if (!messages.includes(policy)) problems.push(notSupported(`${path}.terminationMessagePolicy`, policy, messages));
  const pulls = ['Always', 'IfNotPresent', 'Never'];
  return [
    ...problems,
    ...validatePorts(container.ports ?? [], `${path}.ports`),
    ...validateEnv(container.env ?? [], `${path}.env`),
    ...validateEnvFrom(container.envFrom ?? [], `${path}.envFrom`),
    ...validateMounts(container, pod.volumes, `${path}.volumeMounts`),
    ...validateDevices(container.volumeDevices ?? [], container.volumeMounts ?? [], pod.volumes, `${path}.volumeDevices`),
    ...(pulls.includes(imagePullPolicy) ? [] : [notSupported(`${path}.imagePullPolicy`, imagePullPolicy, pulls)]),
    ...validateResources(container.resources, pod.claims, `${path}.resources`),
    ...validateResizePolicy(container, pod.spec.restartPolicy, `${path}.resizePolicy`),
    ...validateSecurityContext(container.securityContext, pod.spec.hostUsers !== false, `${path}.securityContext`),
  ];
}

function validatePorts(ports: readonly ContainerPort[], path: string): Problem[] {
  const names = new Set<string>();
  return ports.flatMap(({ name, containerPort, hostPort, protocol = '' }, at) => {
    const here = `${path}[${at}]`;
    const problems: Problem[] = [];
    if (name) {
      const wrong = portName(name);
      if (wrong.length) problems.push(...texts(`${here}.name`, name, wrong));
      else if (names.has(name)) problems.push(duplicate(`${here}.name`, name));
      else names.add(name);
    }
    if (!containerPort) problems.push(required(`${here}.containerPort`));
    else problems.push(...texts(`${here}.containerPort`, containerPort, portNumber(containerPort)));
    if (hostPort) problems.push(...texts(`${here}.hostPort`, hostPort, portNumber(hostPort)));
    const protocols = ['SCTP', 'TCP', 'UDP'];
    if (!protocols.includes(protocol)) problems.push(notSupported(`${here}.protocol`, protocol, protocols));
    return problems;
  });
}

function validateResizePolicy({ resizePolicy = [] }: Container, podPolicy: string | undefined, path: string): Problem[] {
  const seen = new Set<string>();
  return resizePolicy.flatMap(({ resourceName = '', restartPolicy = '' }, at) => {
    const problems: Problem[] = [];
    if (seen.has(resourceName)) problems.push(duplicate(`${path}[${at}]`, resourceName));
    seen.add(resourceName);
    for (const [value, allowed] of [
      [resourceName, ['cpu', 'memory']],
      [restartPolicy, ['NotRequired', 'RestartContainer']],
    ] as const) {
      if (value === '') problems.push(required(path));
      else if (!(allowed as readonly string[]).includes(value)) problems.push(notSupported(path, value, allowed));
    }
    if (podPolicy === 'Never' && restartPolicy !== 'NotRequired') {
      problems.push(invalidValue(path, restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"));
    }
    return problems;
  });
}

/** A container's own restart policy, and its rules by exit code. */
function validateRestart({ restartPolicy, restartPolicyRules: rules = [] }: Container, path: string): Problem[] {
  const problems: Problem[] = [];
  const policies = ['Always', 'Never', 'OnFailure'];
  if (restartPolicy === undefined) {
    if (rules.length === 0) return [];
    problems.push(required(`${path}.restartPolicy`, 'must specify restartPolicy when restart rules are used'));
  } else if (!policies.includes(restartPolicy)) problems.push(notSupported(`${path}.restartPolicy`, restartPolicy, policies));
  if (rules.length > 20) problems.push(tooMany(`${path}.restartPolicyRules`, rules.length, 20));
  for (const [at, { action = '', exitCodes }] of rules.entries()) {
    const here = `${path}.restartPolicyRules[${at}]`;
    const actions = ['Restart', 'RestartAllContainers'];
    if (!actions.includes(action)) problems.push(notSupported(`${here}.action`, action, actions));
    if (!exitCodes) {
      problems.push(required(`${here}.exitCodes`, 'must be specified'));
      continue;
    }
    const operators = ['In', 'NotIn'];
    if (!operators.includes(exitCodes.operator)) problems.push(notSupported(`${here}.exitCodes.operator`, exitCodes.operator, operators));
    if ((exitCodes.values ?? []).length > 255) problems.push(tooMany(`${here}.exitCodes.values`, exitCodes.values!.length, 255));
  }
  return problems;
}

/** Of pods, not of templates. */
export const validateImageText = ({ image = '' }: Container, path: string): Problem[] =>
  image.trim() === image ? [] : [invalidValue(`${path}.image`, image, 'must not have leading or trailing whitespace')];
