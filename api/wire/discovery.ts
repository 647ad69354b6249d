// Discovery documents from the table of kinds: APIVersions, APIGroupList, APIResourceList and the aggregated form.
import { createHash } from 'node:crypto';
import type { ResourceNames, Subresource } from '../kinds/kind.ts';
import { apiVersionOf } from '../meta/index.ts';

/** The versions of a group, the preferred one first, with their resources. */
interface GroupVersions {
  group: string;
  versions: Map<string, ResourceNames[]>;
}

/** Groups and versions in the order in which the kinds come. */
function grouped(kinds: Iterable<ResourceNames>, also: Iterable<{ group: string; version: string }> = []): GroupVersions[] {
  const groups = new Map<string, GroupVersions>();
  for (const kind of kinds) {
    let group = groups.get(kind.group);
    if (!group) groups.set(kind.group, (group = { group: kind.group, versions: new Map() }));
    const known = group.versions.get(kind.version);
    if (known) known.push(kind);
    else group.versions.set(kind.version, [kind]);
  }
  for (const { group, version } of also) {
    const known = groups.get(group);
    if (!known) groups.set(group, { group, versions: new Map([[version, []]]) });
    else if (!known.versions.has(version)) known.versions.set(version, []);
  }
  return [...groups.values()];
}

const byPlural = (kinds: readonly ResourceNames[]): ResourceNames[] => [...kinds].sort((a, b) => (a.plural < b.plural ? -1 : 1));

/** `/api`. `serverAddress` is `host:port`. */
export const apiVersions = (serverAddress: string): object => ({
  kind: 'APIVersions',
  versions: ['v1'],
  serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
});

const inGroup = (group: string, version: string) => ({ groupVersion: apiVersionOf({ group, version }), version });

function groupEntry({ group, versions }: GroupVersions): Record<string, unknown> {
  const all = [...versions.keys()].map((version) => inGroup(group, version));
  return { name: group, versions: all, preferredVersion: all[0] };
}

/** `/apis`, the plain form. */
export const apiGroupList = (kinds: Iterable<ResourceNames>): object => ({
  kind: 'APIGroupList',
  apiVersion: 'v1',
  groups: grouped(kinds)
    .filter(({ group }) => group !== '')
    .map(groupEntry),
});

/** `/apis/<group>`; undefined when there is no such group. */
export function apiGroup(kinds: Iterable<ResourceNames>, group: string): object | undefined {
  const found = grouped(kinds).find((one) => one.group === group);
  return found && { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(found) };
}

/** `/api/v1` and `/apis/<group>/<version>`; undefined when nothing is there. */
export function apiResourceList(kinds: Iterable<ResourceNames>, group: string, version: string): object | undefined {
  const found = [...kinds].filter((kind) => kind.group === group && kind.version === version);
  if (found.length === 0) return undefined;
  const resources = byPlural(found).flatMap((kind) => [
    resourceEntry(kind),
    ...kind.subresources.map((sub) => subresourceEntry(kind, sub)),
  ]);
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: apiVersionOf({ group, version }),
    resources,
  };
}

function resourceEntry(kind: ResourceNames): object {
  return {
    name: kind.plural,
    singularName: kind.singular,
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs: kind.verbs,
    ...(kind.shortNames.length ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length ? { categories: kind.categories } : {}),
    ...(kind.verbs.includes('watch') ? { storageVersionHash: storageVersionHash(kind) } : {}),
  };
}

function subresourceEntry(kind: ResourceNames, sub: Subresource): object {
  const other = sub.responseKind && (sub.responseKind.group !== kind.group || sub.responseKind.version !== kind.version);
  return {
    name: `${kind.plural}/${sub.name}`,
    singularName: '',
    namespaced: kind.namespaced,
    ...(other ? { group: sub.responseKind!.group, version: sub.responseKind!.version } : {}),
    kind: sub.responseKind?.kind ?? kind.kind,
    verbs: sub.verbs,
  };
}

/** Base64 of the first eight bytes of SHA-256 over `group/version/kind` of the stored version. */
const storageVersionHash = ({ group, version, kind }: ResourceNames): string =>
  createHash('sha256').update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString('base64');

/** `/api` (legacy: the core group) or `/apis` as APIGroupDiscoveryList of apidiscovery.k8s.io/v2. */
export function aggregatedDiscovery(
  kinds: Iterable<ResourceNames>,
  legacy: boolean,
  stale: readonly { group: string; version: string }[] = [],
): object {
  const isStale = (group: string, version: string) => stale.some((one) => one.group === group && one.version === version);
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: grouped(kinds, stale)
      .filter(({ group }) => (group === '') === legacy)
      .map(({ group, versions }) => ({
        metadata: group === '' ? {} : { name: group },
        versions: [...versions].map(([version, found]) => ({
          version,
          resources: byPlural(found).map(discoveryEntry),
          freshness: isStale(group, version) ? 'Stale' : 'Current',
        })),
      })),
  };
}

/** An empty group and version in responseKind mean the document's own. */
function responseKind(kind: ResourceNames, sub?: Subresource): object {
  const other = sub?.responseKind;
  if (!other) return { group: '', version: '', kind: kind.kind };
  const own = other.group === kind.group && other.version === kind.version;
  return { group: own ? '' : other.group, version: own ? '' : other.version, kind: other.kind };
}

function discoveryEntry(kind: ResourceNames): object {
  return {
    resource: kind.plural,
    responseKind: responseKind(kind),
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: kind.verbs,
    ...(kind.shortNames.length ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length ? { categories: kind.categories } : {}),
    ...(kind.subresources.length
      ? {
          subresources: kind.subresources.map((sub) => ({
            subresource: sub.name,
            responseKind: responseKind(kind, sub),
            verbs: sub.verbs,
          })),
        }
      : {}),
  };
}
