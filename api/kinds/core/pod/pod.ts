// The Pod kind.
import type { Pod, PodSpec } from '../../../gen/types/core.v1.ts';
import { dns1123Label, forbiddenField, type KubeObject, type Problem } from '../../../meta/index.ts';
import type { Behaviour } from '../../kind.ts';
import { goList } from '../../rules.ts';
import { defaultPodOnly, defaultPodSpec } from '../pod-spec/defaults.ts';
import { validatePodSpec } from '../pod-spec/validate.ts';
import { validateImageText } from '../pod-spec/validate-containers.ts';
import { podSpecWarnings } from '../pod-spec/warnings.ts';
import { podColumns } from './columns.ts';
import { mergeLabelKeys } from './match-labels.ts';
import { annotationWarnings, takeAppArmorAnnotations, validateAppArmorAnnotations } from './old-annotations.ts';
import { qosClass } from './qos.ts';
import { resized, validateResize } from './resize.ts';
import { validateEphemeralUpdate, validatePodStatus, validatePodUpdate } from './update.ts';

const podOf = (object: KubeObject): Pod => object as unknown as Pod;

/** What sub-resources leave alone: all but the precondition and the record of who writes. */
function keepMetadata(object: KubeObject, old: KubeObject): void {
  const meta = object.metadata;
  const { resourceVersion, managedFields } = meta;
  // In place: the caller holds on to it.
  for (const key of Object.keys(meta)) delete (meta as Record<string, unknown>)[key];
  Object.assign(meta, old.metadata);
  if (resourceVersion !== undefined) meta.resourceVersion = resourceVersion;
  if (managedFields !== undefined) meta.managedFields = managedFields;
  else delete meta.managedFields;
}

/** podIP is the first of podIPs, hostIP of hostIPs; where they differ, the single one is right. */
function joinIps({ status }: Pod): void {
  for (const [one, all] of [
    ['podIP', 'podIPs'],
    ['hostIP', 'hostIPs'],
  ] as const) {
    if (!status) return;
    const first = status[all]?.[0]?.ip;
    if (status[one] && status[one] !== first) status[all] = [{ ip: status[one] }];
    else if (first) status[one] = first;
  }
}

/** A pod always has a spec after decoding; this makes one for hand-made objects. */
const specOf = (object: KubeObject): PodSpec => ((object as { spec?: PodSpec }).spec ??= { containers: [] });

export const pod: Behaviour = {
  defaults(object) {
    const spec = specOf(object);
    defaultPodOnly(spec);
    defaultPodSpec(spec);
    joinIps(podOf(object));
  },
  prepareForCreate(object) {
    const { spec } = podOf(object);
    if (spec) mergeLabelKeys(spec, object.metadata.labels ?? {});
    takeAppArmorAnnotations(podOf(object));
    object['status'] = { phase: 'Pending', qosClass: qosClass(spec!) };
    if (spec?.schedulingGates?.length) {
      object['status'].conditions = [
        {
          type: 'PodScheduled',
          status: 'False',
          lastProbeTime: null,
          lastTransitionTime: object.metadata.creationTimestamp ?? null, // now
          reason: 'SchedulingGated',
          message: 'Scheduling is blocked due to non-empty scheduling gates',
        },
      ];
    }
  },
  prepareForUpdate(object, old) {
    object['status'] = old['status'];
  },
  subresourceUpdate: {
    status(object, old) {
      object['spec'] = old['spec'];
      object.metadata.deletionTimestamp = old.metadata.deletionTimestamp!;
      if (object.metadata.deletionTimestamp === undefined) delete object.metadata.deletionTimestamp;
      if (old.metadata.ownerReferences) object.metadata.ownerReferences = old.metadata.ownerReferences;
      else delete object.metadata.ownerReferences;
      const status = (object['status'] ??= {});
      status.qosClass ||= old['status']?.qosClass;
    },
    ephemeralcontainers(object, old) {
      keepMetadata(object, old);
      object['spec'] = { ...old['spec'], ephemeralContainers: object['spec']?.ephemeralContainers };
      object['status'] = old['status'];
    },
    resize(object, old) {
      keepMetadata(object, old);
      object['spec'] = resized(podOf(object).spec!, podOf(old).spec!);
      object['status'] = old['status'];
    },
  },
  validate: (object, old) => [...validatePod(podOf(object)), ...(old ? [] : validateNewPod(podOf(object)))],
  validateUpdate: (object, old) => validatePodUpdate(specOf(object), specOf(old)),
  validateSubresource: {
    status: (object, old) => validatePodStatus(podOf(object), podOf(old)),
    ephemeralcontainers: (object, old) => [...validatePod(podOf(object)), ...validateEphemeralUpdate(podOf(object), podOf(old))],
    resize: (object, old) => validateResize(podOf(object), podOf(old), validatePod(podOf(object))),
  },
  warnings(object, old) {
    // Updates of pods come from machines, which read no warnings.
    if (old) return [];
    const wrong = dns1123Label(object.metadata.name ?? '');
    const warnings = [...annotationWarnings(podOf(object)), ...podSpecWarnings(specOf(object), 'spec')];
    if (wrong.length === 0) return warnings;
    const why = "this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended";
    return [`metadata.name: ${why}: ${goList(wrong)}`, ...warnings];
  },
  hasGeneration: true,
  gracePeriodSeconds(object, requested) {
    const { spec, status } = podOf(object);
    if (!spec?.nodeName || status?.phase === 'Failed' || status?.phase === 'Succeeded') return 0;
    const seconds = requested ?? spec.terminationGracePeriodSeconds ?? 0;
    return seconds < 0 ? 1 : seconds;
  },
  fieldSelectors: {
    'spec.nodeName': (object) => object['spec']?.nodeName ?? '',
    'spec.restartPolicy': (object) => object['spec']?.restartPolicy ?? '',
    'spec.schedulerName': (object) => object['spec']?.schedulerName ?? '',
    'spec.serviceAccountName': (object) => object['spec']?.serviceAccountName ?? '',
    'spec.hostNetwork': (object) => String(object['spec']?.hostNetwork ?? false),
    'status.phase': (object) => object['status']?.phase ?? '',
    'status.podIP': (object) => object['status']?.podIPs?.[0]?.ip ?? '',
    'status.nominatedNodeName': (object) => object['status']?.nominatedNodeName ?? '',
  },
  columns: podColumns,
};

/** What is checked on every write of a pod. */
function validatePod({ metadata, spec = { containers: [] } }: Pod): Problem[] {
  const problems = [...validateAppArmorAnnotations({ metadata, spec }), ...validatePodSpec(spec, metadata, 'spec')];
  for (const list of ['containers', 'initContainers'] as const) {
    for (const [at, container] of (spec[list] ?? []).entries()) problems.push(...validateImageText(container, `spec.${list}[${at}]`));
  }
  return problems;
}

/** What is checked when it is made. */
function validateNewPod({ spec = { containers: [] } }: Pod): Problem[] {
  const problems: Problem[] = [];
  if (spec.ephemeralContainers?.length) problems.push(forbiddenField('spec.ephemeralContainers', 'cannot be set on create'));
  if (spec.nodeName && spec.schedulingGates?.length) {
    problems.push(forbiddenField('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
  }
  return problems;
}
