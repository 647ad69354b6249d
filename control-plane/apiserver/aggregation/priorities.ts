// In which order discovery lists groups: the priorities that Kubernetes gives its own (kube-apiserver's aggregator.go), and what
// registrations say of others.

/** groupPriorityMinimum of built-in groups. */
const GROUPS: Readonly<Record<string, number>> = {
  // The aggregator's own: before all others, and the only one without an APIService.
  'apiregistration.k8s.io': 20_000,
  '': 18_000,
  apps: 17_800,
  'events.k8s.io': 17_750,
  'authentication.k8s.io': 17_700,
  'authorization.k8s.io': 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  'certificates.k8s.io': 17_300,
  'networking.k8s.io': 17_200,
  policy: 17_100,
  'rbac.authorization.k8s.io': 17_000,
  'storage.k8s.io': 16_800,
  'admissionregistration.k8s.io': 16_700,
  'apiextensions.k8s.io': 16_700,
  'scheduling.k8s.io': 16_600,
  'coordination.k8s.io': 16_500,
  'node.k8s.io': 16_300,
  'discovery.k8s.io': 16_200,
  'resource.k8s.io': 16_200,
  'flowcontrol.apiserver.k8s.io': 16_100,
  // As metrics-server registers itself.
  'metrics.k8s.io': 100,
};
/** versionPriority of those that are not 15. */
const VERSIONS: Readonly<Record<string, number>> = {
  '/v1': 1,
  'autoscaling/v2': 30,
  'flowcontrol.apiserver.k8s.io/v1': 21,
  'metrics.k8s.io/v1beta1': 100,
};
const BUILT_IN_VERSION = 15;

export interface Priority {
  groupPriorityMinimum: number;
  versionPriority: number;
}

/** Of groups of CustomResourceDefinitions. */
export const CUSTOM: Priority = { groupPriorityMinimum: 1000, versionPriority: 100 };

export const builtInPriority = (group: string, version: string): Priority => ({
  groupPriorityMinimum: GROUPS[group] ?? CUSTOM.groupPriorityMinimum,
  versionPriority: VERSIONS[`${group}/${version}`] ?? BUILT_IN_VERSION,
});
