// From a call of the Client interface to a URL path with query, and the content types of bodies.
import { apiVersionOf } from '../../api/meta/index.ts';
import type { ListParams, PatchType, Resource, WatchParams, WriteParams } from './client.ts';

/** Path of a resource's collection or of one object, with its sub-resource. */
export function pathOf(resource: Resource, namespace: string | undefined, name?: string, subresource?: string): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${apiVersionOf(resource)}`;
  const scope = resource.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}${subresource ? `/${subresource}` : ''}`;
  return `${root}${scope}/${resource.plural}${object}`;
}

/** `?a=b`, or nothing when there is nothing to say. */
function queryOf(pairs: Record<string, string | number | boolean | undefined>): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(pairs))
    if (value !== undefined && value !== '' && value !== false) query.set(key, String(value));
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

export const listQuery = (params: ListParams): string =>
  queryOf({
    labelSelector: params.labelSelector,
    fieldSelector: params.fieldSelector,
    limit: params.limit,
    continue: params.continue,
    resourceVersion: params.resourceVersion,
  });

export const watchQuery = (params: WatchParams): string =>
  queryOf({
    watch: true,
    labelSelector: params.labelSelector,
    fieldSelector: params.fieldSelector,
    resourceVersion: params.resourceVersion,
    allowWatchBookmarks: params.allowWatchBookmarks,
    timeoutSeconds: params.timeoutSeconds,
  });

export const writeQuery = (params: WriteParams): string =>
  queryOf({ fieldManager: params.fieldManager, force: params.force, dryRun: params.dryRun ? 'All' : undefined });

export const PATCH_CONTENT_TYPES: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};
