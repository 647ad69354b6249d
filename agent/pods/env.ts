// The environment of a container: service links, envFrom, env in order; later ones win and may use earlier ones as $(NAME).
import type { ConfigMap, Container, EnvVarSource, Pod, Secret, Service } from '../../api/gen/types/core.v1.ts';
import { fieldText, type PodPlace, resourceText } from '../volumes/index.ts';
import { envFileValue } from './env-file.ts';
import { expand } from './expand.ts';
import { serviceVariables } from './service-links.ts';

/** The container cannot be made as it is written: reason CreateContainerConfigError, this text. */
export class ContainerConfigProblem extends Error {}

const UNREADABLE = "couldn't parse env file";

export interface EnvSources {
  place: PodPlace;
  /** Services of the pod's namespace and `kubernetes` of the namespace default, as links allow. */
  services: readonly Service[];
  /** Undefined: not there. */
  configMap(name: string): Promise<ConfigMap | undefined>;
  secret(name: string): Promise<Secret | undefined>;
  /** A file in one of the pod's volumes; no text: not there. */
  volumeFile(volume: string, path: string): Promise<{ path: string; text: string | undefined }>;
}

/** @throws ContainerConfigProblem for a missing object or key that is not optional */
export async function environment(pod: Pod, container: Container, sources: EnvSources): Promise<Map<string, string>> {
  const links = serviceVariables(sources.services);
  const variables = new Map<string, string>();
  for (const source of container.envFrom ?? []) {
    const data = source.configMapRef
      ? await wholeConfigMap(source.configMapRef.name ?? '', source.configMapRef.optional ?? false, sources)
      : await wholeSecret(source.secretRef?.name ?? '', source.secretRef?.optional ?? false, sources);
    for (const key of Object.keys(data).sort()) variables.set(`${source.prefix ?? ''}${key}`, data[key] ?? '');
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (!valueFrom || value) {
      variables.set(
        name,
        expand(value ?? '', (other) => variables.get(other) ?? links.get(other)),
      );
      continue;
    }
    const text = await fromSource(pod, container, valueFrom, sources);
    if (text !== undefined) variables.set(name, text);
  }
  for (const [name, text] of links) if (!variables.has(name)) variables.set(name, text);
  return variables;
}

/** Undefined: an optional source that is not there. */
async function fromSource(pod: Pod, container: Container, source: EnvVarSource, sources: EnvSources): Promise<string | undefined> {
  if (source.fieldRef) return fieldText(pod, source.fieldRef.fieldPath, sources.place);
  if (source.resourceFieldRef) {
    const wanted = source.resourceFieldRef.containerName;
    const all = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
    return resourceText(pod, all.find(({ name }) => name === wanted) ?? container, source.resourceFieldRef, sources.place);
  }
  if (source.configMapKeyRef) {
    const { name = '', key, optional = false } = source.configMapKeyRef;
    const object = await sources.configMap(name);
    if (!object) return missing(optional, `configmap "${name}" not found`);
    return object.data?.[key] ?? missing(optional, `couldn't find key ${key} in ConfigMap ${pod.metadata.namespace}/${name}`);
  }
  if (source.secretKeyRef) {
    const { name = '', key, optional = false } = source.secretKeyRef;
    const object = await sources.secret(name);
    if (!object) return missing(optional, `secret "${name}" not found`);
    const data = object.data?.[key];
    return data === undefined
      ? missing(optional, `couldn't find key ${key} in Secret ${pod.metadata.namespace}/${name}`)
      : Buffer.from(data, 'base64').toString();
  }
  if (source.fileKeyRef) {
    const { volumeName, path, key, optional = false } = source.fileKeyRef;
    const file = await sources.volumeFile(volumeName, path);
    if (file.text === undefined) return missing(optional, UNREADABLE);
    return fromFile(file.text, key) ?? missing(optional, `environment variable key "${key}" not found in file "${file.path}"`);
  }
  return undefined;
}

/** Undefined: nothing is set there. @throws ContainerConfigProblem when it is no such file */
function fromFile(text: string, key: string): string | undefined {
  try {
    return envFileValue(text, key) || undefined;
  } catch {
    throw new ContainerConfigProblem(UNREADABLE);
  }
}

async function wholeConfigMap(name: string, optional: boolean, sources: EnvSources): Promise<Record<string, string>> {
  const object = await sources.configMap(name);
  if (!object) missing(optional, `configmap "${name}" not found`);
  return object?.data ?? {};
}

async function wholeSecret(name: string, optional: boolean, sources: EnvSources): Promise<Record<string, string>> {
  const object = await sources.secret(name);
  if (!object) missing(optional, `secret "${name}" not found`);
  return Object.fromEntries(Object.entries(object?.data ?? {}).map(([key, data]) => [key, Buffer.from(data, 'base64').toString()]));
}

function missing(optional: boolean, text: string): undefined {
  if (!optional) throw new ContainerConfigProblem(text);
  return undefined;
}
