// Cached reads for stages and plug-ins: the watch cache itself, without copies.
import type { Reader } from './request.ts';
import type { Storage } from './storage/storage.ts';

export const readerOf = (storage: Storage): Reader => ({
  get: (resource, namespace, name) => storage.get(resource, namespace, name)?.object,
  list: (resource, namespace) =>
    storage
      .cache(resource)
      .range(namespace ? `${namespace}/` : '', undefined)
      .map((item) => item.object),
  getFresh: async (resource, namespace, name) => (await storage.getFresh(resource, namespace, name))?.object,
});
