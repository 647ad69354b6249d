// The pod of a Job, of one index when it is indexed. Pure.
import type { Job } from '../../../api/gen/types/batch.v1.ts';
import type { Container, Pod, PodSpec } from '../../../api/gen/types/core.v1.ts';
import { controllerReference, type KubeObject } from '../../../api/meta/index.ts';

export const TRACKING = 'batch.kubernetes.io/job-tracking';
const INDEX = 'batch.kubernetes.io/job-completion-index';

export const isIndexed = (job: Job): boolean => job.spec?.completionMode === 'Indexed';

export function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[INDEX];
  return text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : undefined;
}

const withIndex = (container: Container): Container => {
  if (container.env?.some(({ name }) => name === 'JOB_COMPLETION_INDEX')) return container;
  const variable = {
    name: 'JOB_COMPLETION_INDEX',
    valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: `metadata.labels['${INDEX}']` } },
  };
  return { ...container, env: [...(container.env ?? []), variable] };
};

/** `marks`: further annotations (failures of its index so far). */
export function jobPod(job: Job, index: number | undefined, marks: Readonly<Record<string, string>> = {}): object {
  const { metadata, spec } = job.spec?.template ?? {};
  const podSpec = spec as PodSpec;
  const name = job.metadata.name ?? '';
  const mark = index === undefined ? {} : { [INDEX]: String(index) };
  const annotations = { ...metadata?.annotations, ...mark, ...marks };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: index === undefined ? `${name}-` : `${name}-${index}-`,
      namespace: job.metadata.namespace,
      labels: { ...metadata?.labels, ...mark },
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      finalizers: [...(metadata?.finalizers ?? []), TRACKING],
      ownerReferences: [controllerReference(job as KubeObject)],
    },
    spec:
      index === undefined
        ? podSpec
        : {
            ...podSpec,
            hostname: `${name}-${index}`,
            containers: podSpec.containers.map(withIndex),
            ...(podSpec.initContainers ? { initContainers: podSpec.initContainers.map(withIndex) } : {}),
          },
  };
}
