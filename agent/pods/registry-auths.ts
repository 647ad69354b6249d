// Credentials for an image out of a pod's pull secrets (kubernetes.io/dockerconfigjson or dockercfg).
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { RegistryAuth } from '../cri/index.ts';
import type { ObjectCache } from '../volumes/index.ts';

/** Of all its imagePullSecrets that can be read. */
export async function podCredentials(objects: Pick<ObjectCache, 'get'>, pod: Pod, image: string): Promise<RegistryAuth[]> {
  const { namespace = '', uid = '' } = pod.metadata;
  const found: RegistryAuth[] = [];
  for (const { name = '' } of pod.spec?.imagePullSecrets ?? []) {
    const secret = await objects.get('secrets', namespace, name, uid).catch(() => undefined);
    if (secret) found.push(...registryAuths(secret['data'] ?? {}, image));
  }
  return found;
}

/** Pure. Those whose registry is the image's; a broken secret has none. `data` is base64, as secrets carry it. */
function registryAuths(data: Readonly<Record<string, string>>, image: string): RegistryAuth[] {
  const json = data['.dockerconfigjson'] ?? data['.dockercfg'];
  if (json === undefined) return [];
  try {
    const parsed = JSON.parse(Buffer.from(json, 'base64').toString()) as Record<string, unknown>;
    const entries = (data['.dockerconfigjson'] ? parsed['auths'] : parsed) as Record<string, RegistryAuth>;
    const registry = registryOf(image);
    return Object.entries(entries ?? {})
      .filter(([server]) => hostOf(server) === registry)
      .map(([, auth]) => auth);
  } catch {
    return [];
  }
}

/** As Docker reads names: the first part is a registry when it looks like a host. */
function registryOf(image: string): string {
  const slash = image.indexOf('/');
  const first = slash < 0 ? '' : image.slice(0, slash);
  return first.includes('.') || first.includes(':') || first === 'localhost' ? first : 'docker.io';
}

function hostOf(server: string): string {
  const host = server.replace(/^https?:\/\//, '').split('/')[0] ?? '';
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
}
