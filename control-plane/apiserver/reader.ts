// Cached reads for stages and plug-ins: the watch cache itself, without copies.
import type { Reader } from './request.ts';
import type { CacheIndex } from './storage/cache-index.ts';
import type { Storage } from './storage/storage.ts';

const PODS = { group: '', plural: 'pods' };

export function readerOf(storage: Storage): Reader {
  let byNode: CacheIndex | undefined;
  return {
    get: (resource, namespace, name) => storage.get(resource, namespace, name)?.object,
    list: (resource, namespace) =>
      storage
        .cache(resource)
        .range(namespace ? `${namespace}/` : '', undefined)
        .map((item) => item.object),
    version: (resource) => storage.cache(resource).changed,
    getFresh: async (resource, namespace, name) => (await storage.getFresh(resource, namespace, name))?.object,
    podsOf(node) {
      byNode ??= storage.cache(PODS).index((pod) => pod['spec']?.nodeName);
      return byNode.get(node);
    },
  };
}
