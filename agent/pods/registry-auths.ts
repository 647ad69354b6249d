// Credentials for an image out of a pull secret (kubernetes.io/dockerconfigjson or dockercfg). Pure.
import type { RegistryAuth } from '../cri/index.ts';

/** Those whose registry is the image's; a broken secret has none. `data` is base64, as secrets carry it. */
export function registryAuths(data: Readonly<Record<string, string>>, image: string): RegistryAuth[] {
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
