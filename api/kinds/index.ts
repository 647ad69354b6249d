// Entry of api/kinds: every built-in kind, its names (names.ts) joined with its behaviour (one file per group).
import { admissionregistration } from './admissionregistration.ts';
import { apiextensions } from './apiextensions.ts';
import { apiregistration } from './apiregistration.ts';
import { apps } from './apps.ts';
import { autoscalingV1 } from './autoscaling-v1.ts';
import { autoscalingV2 } from './autoscaling-v2.ts';
import { batch } from './batch.ts';
import type { Behaviours } from './behaviours.ts';
import { certificates } from './certificates.ts';
import { coordination } from './coordination.ts';
import { core } from './core/index.ts';
import { discovery } from './discovery.ts';
import { events } from './events.ts';
import { flowcontrol } from './flowcontrol.ts';
import type { Kind } from './kind.ts';
import { names } from './names.ts';
import { networking } from './networking.ts';
import { node } from './node.ts';
import { policy } from './policy.ts';
import { rbac } from './rbac.ts';
import { resource } from './resource.ts';
import { authentication, authorization } from './reviews.ts';
import { scheduling } from './scheduling.ts';
import { storage } from './storage.ts';

const behaviours: Readonly<Record<string, Behaviours>> = {
  '/v1': core,
  'admissionregistration.k8s.io/v1': admissionregistration,
  'apiextensions.k8s.io/v1': apiextensions,
  'apiregistration.k8s.io/v1': apiregistration,
  'apps/v1': apps,
  'authentication.k8s.io/v1': authentication,
  'authorization.k8s.io/v1': authorization,
  'autoscaling/v1': autoscalingV1,
  'autoscaling/v2': autoscalingV2,
  'batch/v1': batch,
  'certificates.k8s.io/v1': certificates,
  'coordination.k8s.io/v1': coordination,
  'discovery.k8s.io/v1': discovery,
  'events.k8s.io/v1': events,
  'flowcontrol.apiserver.k8s.io/v1': flowcontrol,
  'networking.k8s.io/v1': networking,
  'node.k8s.io/v1': node,
  'policy/v1': policy,
  'rbac.authorization.k8s.io/v1': rbac,
  'resource.k8s.io/v1': resource,
  'scheduling.k8s.io/v1': scheduling,
  'storage.k8s.io/v1': storage,
};

/** In discovery's order. */
export const kinds: readonly Kind[] = names.map((name) => ({ ...name, ...behaviours[`${name.group}/${name.version}`]?.[name.kind] }));

const byPlural = new Map(kinds.map((kind) => [`${kind.group}/${kind.version}/${kind.plural}`, kind]));
const byKind = new Map(kinds.map((kind) => [`${kind.group}/${kind.version}/${kind.kind}`, kind]));

export const kindFor = (group: string, version: string, plural: string): Kind | undefined => byPlural.get(`${group}/${version}/${plural}`);

export const kindByGvk = (group: string, version: string, kind: string): Kind | undefined => byKind.get(`${group}/${version}/${kind}`);

export { approvalOf } from './apiextensions/names.ts';
export { parseSchedule, type Schedule } from './batch/schedule.ts';
export type { Behaviours } from './behaviours.ts';
export { ageColumn, humanDuration, nameColumn, since } from './columns.ts';
export { validateFinalizerNames } from './finalizers.ts';
export { flowControlObjects, isMandatoryFlow } from './flowcontrol/objects.ts';
export type { Behaviour, Column, Kind, Problem, ResourceNames, Subresource } from './kind.ts';
export { metricsKinds } from './metrics.ts';
export { domainPrefixedPath } from './rules.ts';
