// What a group and version serves, read from its APIResourceList.
import type { Resource } from './client.ts';

export interface DiscoveredResource extends Resource {
  verbs: readonly string[];
}

interface Listed {
  name?: string;
  namespaced?: boolean;
  kind?: string;
  verbs?: string[];
}

/** Main resources, without sub-resources. `list` comes from a server that may be anybody's. */
export function discoveredIn(list: unknown, group: string, version: string): DiscoveredResource[] {
  const resources = (list as { resources?: Listed[] } | undefined)?.resources;
  return (Array.isArray(resources) ? resources : []).flatMap(({ name, namespaced = false, kind, verbs = [] }) =>
    name && kind && !name.includes('/') ? [{ group, version, plural: name, kind, namespaced, verbs }] : [],
  );
}

export const groupVersionPath = (group: string, version: string): string =>
  group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
