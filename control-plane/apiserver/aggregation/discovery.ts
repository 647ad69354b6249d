// An extension server's APIResourceList as the names that discovery documents are made of.
import type { ResourceNames, Subresource } from '../../../api/kinds/index.ts';

interface ListedResource {
  name: string;
  singularName?: string;
  namespaced?: boolean;
  group?: string;
  version?: string;
  kind: string;
  verbs?: string[];
  shortNames?: string[];
  categories?: string[];
}

export function namesIn(list: unknown, group: string, version: string): ResourceNames[] {
  const resources = ((list as { resources?: ListedResource[] } | undefined)?.resources ?? []).filter(({ name, kind }) => name && kind);
  const main = resources.filter(({ name }) => !name.includes('/'));
  return main.map(({ name, singularName = '', namespaced = false, kind, verbs = [], shortNames = [], categories = [] }) => ({
    group,
    version,
    kind,
    plural: name,
    singular: singularName,
    namespaced,
    shortNames,
    categories,
    verbs,
    subresources: resources.filter((one) => one.name.startsWith(`${name}/`)).map((one) => subresourceOf(one, name, group, version)),
  }));
}

function subresourceOf({ name, kind, verbs = [], ...of }: ListedResource, plural: string, group: string, version: string): Subresource {
  return {
    name: name.slice(plural.length + 1),
    verbs,
    responseKind: { group: of.group ?? group, version: of.version ?? version, kind },
  };
}
