// Volumes that show API objects: configMap, secret, downwardAPI, projected. What to show is gathered here; payload.ts and atomic-folder.ts do the rest.
import type { ConfigMap, DownwardAPIVolumeFile, Pod, Secret, Volume, VolumeProjection } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { fieldText, type PodPlace, resourceText } from './downward.ts';
import type { ObjectCache } from './objects.ts';
import { configMapPayload, type Payload, secretPayload, VolumeProblem } from './payload.ts';
import type { Tokens } from './tokens.ts';

export interface ApiSources {
  objects: ObjectCache;
  tokens: Tokens;
  place: PodPlace;
}

export interface Gathered {
  payload: Payload;
  /** When a token in it must be renewed. */
  renewAtMs?: number;
}

const DEFAULT_MODE = 0o644;

export const isApiVolume = (volume: Volume): boolean =>
  Boolean(volume.configMap || volume.secret || volume.downwardAPI || volume.projected);

/** Containers may not write there, whatever their mount says. */
export const isReadOnlyVolume = (volume: Volume): boolean =>
  isApiVolume(volume) || (volume.persistentVolumeClaim?.readOnly ?? false) || (volume.csi?.readOnly ?? false);

/** The present content of an API volume. @throws VolumeProblem naming what is missing */
export async function gather(pod: Pod, volume: Volume, sources: ApiSources): Promise<Gathered> {
  if (volume.projected) return gatherProjected(pod, volume.projected.sources ?? [], volume.projected.defaultMode ?? DEFAULT_MODE, sources);
  if (volume.configMap) {
    const { name = '', items, defaultMode = DEFAULT_MODE, optional = false } = volume.configMap;
    return { payload: configMapPayload(await configMap(pod, name, optional, sources), items, defaultMode, optional) };
  }
  if (volume.secret) {
    const { secretName = '', items, defaultMode = DEFAULT_MODE, optional = false } = volume.secret;
    return { payload: secretPayload(await secret(pod, secretName, optional, sources), items, defaultMode, optional) };
  }
  return { payload: downwardPayload(pod, volume.downwardAPI?.items ?? [], volume.downwardAPI?.defaultMode ?? DEFAULT_MODE, sources.place) };
}

async function gatherProjected(pod: Pod, projections: VolumeProjection[], mode: number, sources: ApiSources): Promise<Gathered> {
  const settled = await Promise.allSettled(projections.map((projection) => gatherProjection(pod, projection, mode, sources)));
  const failures = settled.flatMap((part) => (part.status === 'rejected' ? [part.reason as Error] : []));
  if (failures.length > 0) throw inOne(failures);
  const parts = settled.flatMap((part) => (part.status === 'fulfilled' ? [part.value] : []));
  const payload: Payload = new Map(parts.flatMap((part) => [...part.payload])); // later sources win
  const renewals = parts.flatMap((part) => (part.renewAtMs === undefined ? [] : [part.renewAtMs]));
  return { payload, ...(renewals.length > 0 ? { renewAtMs: Math.min(...renewals) } : {}) };
}

/** All that is missing is told at once, each once. */
function inOne(failures: readonly Error[]): Error {
  const messages = new Set(failures.map(({ message }) => message));
  return messages.size === 1 ? failures[0]! : new VolumeProblem(`[${[...messages].join(', ')}]`);
}

async function gatherProjection(pod: Pod, projection: VolumeProjection, mode: number, sources: ApiSources): Promise<Gathered> {
  if (projection.configMap) {
    const { name = '', items, optional = false } = projection.configMap;
    return { payload: configMapPayload(await configMap(pod, name, optional, sources), items, mode, optional) };
  }
  if (projection.secret) {
    const { name = '', items, optional = false } = projection.secret;
    return { payload: secretPayload(await secret(pod, name, optional, sources), items, mode, optional) };
  }
  if (projection.downwardAPI) return { payload: downwardPayload(pod, projection.downwardAPI.items ?? [], mode, sources.place) };
  if (projection.serviceAccountToken) {
    const { audience, expirationSeconds = 3600, path } = projection.serviceAccountToken;
    const { text, renewAtMs } = await sources.tokens.get(pod, { audience, expirationSeconds });
    const uid = commonUser(pod);
    const isPrivate = uid !== undefined || pod.spec?.securityContext?.fsGroup !== undefined;
    return {
      payload: new Map([[path, { data: Buffer.from(text), mode: isPrivate ? 0o600 : mode, ...(uid === undefined ? {} : { uid }) }]]),
      renewAtMs,
    };
  }
  return { payload: new Map() }; // the API server has dropped a source that is off by default
}

function downwardPayload(pod: Pod, items: DownwardAPIVolumeFile[], defaultMode: number, place: PodPlace): Payload {
  return new Map(
    items.map(({ path, fieldRef, resourceFieldRef, mode = defaultMode }) => {
      let text = '';
      if (fieldRef) text = fieldText(pod, fieldRef.fieldPath, place);
      else if (resourceFieldRef) {
        const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
        const container = containers.find(({ name }) => name === resourceFieldRef.containerName);
        if (!container) throw new VolumeProblem(`container ${resourceFieldRef.containerName} not found`);
        text = resourceText(pod, container, resourceFieldRef, place);
      }
      return [path, { data: Buffer.from(text), mode }];
    }),
  );
}

async function configMap(pod: Pod, name: string, optional: boolean, { objects }: ApiSources): Promise<ConfigMap> {
  const found = await objects.get<ConfigMap & KubeObject>('configmaps', pod.metadata.namespace ?? '', name, pod.metadata.uid ?? '');
  if (!found && !optional) throw new VolumeProblem(`configmap "${name}" not found`);
  return found ?? { metadata: {} };
}

async function secret(pod: Pod, name: string, optional: boolean, { objects }: ApiSources): Promise<Secret> {
  const found = await objects.get<Secret & KubeObject>('secrets', pod.metadata.namespace ?? '', name, pod.metadata.uid ?? '');
  if (!found && !optional) throw new VolumeProblem(`secret "${name}" not found`);
  return found ?? { metadata: {} };
}

/** The user that all containers run as, when they agree on one: it then owns the token file. */
function commonUser(pod: Pod): number | undefined {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const users = new Set(containers.map((container) => container.securityContext?.runAsUser ?? pod.spec?.securityContext?.runAsUser));
  return users.size === 1 ? [...users][0] : undefined;
}
