// Defaults of pod specs: what pods and pod templates have in common.
import type { Container, PodSpec, Probe } from '../../../gen/types/core.v1.ts';
import { quantityText } from '../../../meta/index.ts';
import { isOvercommitAllowed, isPodLevelResource } from '../resource-names.ts';
import { requestsFromLimits, roundResources } from '../resources.ts';
import { aggregateRequests } from './aggregate.ts';
import { defaultPullPolicy } from './images.ts';
import { defaultVolume } from './volume-defaults.ts';

/** Fills in place what the API fills in every pod spec, templates included. */
export function defaultPodSpec(spec: PodSpec): void {
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= 'default-scheduler';
  // The old and the new name of one field; the new one wins.
  const account = spec.serviceAccountName || spec.serviceAccount;
  if (account) {
    spec.serviceAccountName = account;
    spec.serviceAccount = account;
  }
  roundResources(spec.overhead);
  roundResources(spec.resources?.limits);
  roundResources(spec.resources?.requests);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  for (const container of containersOf(spec)) defaultContainer(container);
  if (spec.hostNetwork) for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) defaultHostPorts(container);
}

/** Regular, init and ephemeral ones, as far as they are alike. */
const containersOf = (spec: PodSpec): Container[] => [
  ...(spec.initContainers ?? []),
  ...(spec.containers ?? []),
  ...((spec.ephemeralContainers ?? []) as Container[]),
];

/** What only pods get, not templates. Call before {@link defaultPodSpec}. */
export function defaultPodOnly(spec: PodSpec): void {
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) spec.terminationGracePeriodSeconds = 1;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) requestsFromLimits(container.resources);
  if (spec.resources?.limits && Object.keys(spec.resources.limits).length) defaultPodLevelRequests(spec);
  spec.enableServiceLinks ??= true;
}

/** Pod-level requests default to what the containers ask for, or else to the pod-level limits. */
function defaultPodLevelRequests(spec: PodSpec): void {
  const requests = { ...spec.resources!.requests };
  for (const [name, amount] of aggregateRequests(spec)) {
    if (isPodLevelResource(name) && isOvercommitAllowed(name)) requests[name] ??= quantityText(amount);
  }
  for (const [name, limit] of Object.entries(spec.resources!.limits ?? {})) if (isPodLevelResource(name)) requests[name] ??= limit;
  if (Object.keys(requests).length) spec.resources!.requests = requests;
}

function defaultHostPorts(container: Container): void {
  for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
}

function defaultContainer(container: Container): void {
  container.imagePullPolicy ||= defaultPullPolicy(container.image ?? '');
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  container.resources ??= {};
  roundResources(container.resources.limits);
  roundResources(container.resources.requests);
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  for (const variable of container.env ?? []) {
    const source = variable.valueFrom;
    if (source?.fieldRef) source.fieldRef.apiVersion ||= 'v1';
    if (source?.fileKeyRef) source.fileKeyRef.optional ??= false;
  }
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) if (probe) defaultProbe(probe);
  dropStopSignal(container);
  for (const hook of [container.lifecycle?.postStart, container.lifecycle?.preStop]) if (hook?.httpGet) defaultHttpGet(hook.httpGet);
}

function defaultProbe(probe: Probe): void {
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.httpGet) defaultHttpGet(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= '';
}

/** Stop signals are not on by default: the API takes none. */
function dropStopSignal(container: Container): void {
  if (container.lifecycle?.stopSignal === undefined) return;
  delete container.lifecycle.stopSignal;
  if (Object.keys(container.lifecycle).length === 0) delete container.lifecycle;
}

function defaultHttpGet(action: { path?: string; scheme?: string }): void {
  action.path ||= '/';
  action.scheme ||= 'HTTP';
}
