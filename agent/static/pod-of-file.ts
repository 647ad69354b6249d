// A manifest -> the pod that the node runs: upstream's name, uid and annotations. Pure.
import { createHash } from 'node:crypto';
import { parse } from 'yaml';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { pod as podKind } from '../../api/kinds/core/pod/pod.ts';
import type { KubeObject } from '../../api/meta/index.ts';

/** @throws Error in words for the log */
export function podOfFile(text: string, path: string, nodeName: string): Pod & KubeObject {
  const given: unknown = parse(text); // JSON is YAML
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error('is not one object');
  const { apiVersion, kind, metadata = {}, spec } = given as KubeObject;
  if (apiVersion !== 'v1' || kind !== 'Pod') throw new Error(`is a ${apiVersion ?? '?'} ${kind ?? '?'}, not a v1 Pod`);
  if (typeof metadata.name !== 'string' || metadata.name === '') throw new Error('metadata.name is missing');
  if (typeof spec !== 'object' || spec === null) throw new Error('spec is missing');
  const uid = createHash('md5')
    .update(`${nodeName}\0${path}\0${JSON.stringify(given)}`)
    .digest('hex');
  const pod = {
    apiVersion,
    kind,
    metadata: {
      ...metadata,
      name: `${metadata.name}-${nodeName}`,
      namespace: metadata.namespace || 'default',
      uid,
      annotations: { ...metadata.annotations, 'kubernetes.io/config.hash': uid, 'kubernetes.io/config.source': 'file' },
    },
    spec: { ...spec, nodeName, tolerations: [...(spec.tolerations ?? []), { operator: 'Exists', effect: 'NoExecute' }] },
    status: { phase: 'Pending' },
  } as Pod & KubeObject;
  podKind.defaults?.(pod);
  const problem = podKind.validate?.(pod)[0];
  if (problem) throw new Error(`${problem.field}: ${problem.message}`);
  const reference = referenceIn(pod);
  if (reference) throw new Error(`static pods may not reference ${reference}`);
  return pod;
}

/** What is read from the API has no place in a pod that must run without it. */
function referenceIn({ spec }: Pod): string | undefined {
  if (spec?.serviceAccountName) return 'serviceaccounts';
  const volumes = spec?.volumes ?? [];
  const projected = volumes.flatMap((volume) => volume.projected?.sources ?? []);
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const envFrom = containers.flatMap((container) => container.envFrom ?? []);
  const values = containers.flatMap((container) => (container.env ?? []).map(({ valueFrom }) => valueFrom));
  const found: [boolean, string][] = [
    [
      [...volumes, ...projected].some((one) => one.secret) ||
        envFrom.some((one) => one.secretRef) ||
        values.some((one) => one?.secretKeyRef) ||
        (spec?.imagePullSecrets ?? []).length > 0,
      'secrets',
    ],
    [
      [...volumes, ...projected].some((one) => one.configMap) ||
        envFrom.some((one) => one.configMapRef) ||
        values.some((one) => one?.configMapKeyRef),
      'configmaps',
    ],
    [volumes.some((one) => one.persistentVolumeClaim || one.ephemeral), 'persistentvolumeclaims'],
    [projected.some((one) => one.serviceAccountToken), 'serviceaccounts'],
    [projected.some((one) => one.clusterTrustBundle), 'clustertrustbundles'],
  ];
  return found.find(([is]) => is)?.[1];
}
