// The store and the watch caches over it: how much there is, and what happened to it.
import { type Family, type Labels, sampled } from '../../../kit/metrics/index.ts';
import type { ResourceCache } from '../storage/cache.ts';
import type { Storage } from '../storage/storage.ts';

/** Of a resource version that grows for ever the last fifteen digits are told, as upstream has it. */
const VERSION_MODULO = 1e15;

export async function storageFamilies(storage: Pick<Storage, 'resources' | 'applied' | 'store'>): Promise<Family[]> {
  const size = await storage.store.size?.();
  const each = (name: string, help: string, type: 'gauge' | 'counter', value: (cache: ResourceCache) => number | undefined) =>
    sampled(name, help, type, function* (): Generator<readonly [Labels, number]> {
      for (const { group, plural, cache } of storage.resources()) {
        const found = value(cache);
        if (found !== undefined) yield [{ group, resource: plural }, found];
      }
    });
  /** Of what never happened there is no series. */
  const count = (name: string, help: string, value: (cache: ResourceCache) => number) =>
    each(name, help, 'counter', (cache) => value(cache) || undefined);
  return [
    sampled('apiserver_storage_size_bytes', 'Size of the store on disk, in bytes.', 'gauge', () =>
      size === undefined ? [] : [[{ storage_cluster_id: 'etcd-0' }, size]],
    ),
    sampled(
      'apiserver_storage_objects',
      'Stored objects, by resource. Deprecated: apiserver_resource_objects tells the same.',
      'gauge',
      function* () {
        for (const { group, plural, cache } of storage.resources())
          yield [{ resource: group === '' ? plural : `${plural}.${group}` }, cache.size];
      },
    ),
    each('apiserver_resource_objects', 'Stored objects, by group and resource.', 'gauge', ({ size }) => size),
    count('apiserver_storage_events_received_total', 'Changes that came from the store.', ({ figures }) => figures.received),
    count('apiserver_watch_cache_events_received_total', 'Changes that a watch cache took in.', ({ figures }) => figures.received),
    count(
      'apiserver_watch_cache_events_dispatched_total',
      'Changes that a watch cache told its watchers of.',
      ({ figures }) => figures.told,
    ),
    each(
      'apiserver_watch_cache_resource_version',
      'Resource version that a watch cache has come to; its last fifteen digits.',
      'gauge',
      () => storage.applied % VERSION_MODULO,
    ),
    count('apiserver_init_events_total', 'Events that watches began with.', ({ figures }) => figures.initial),
    count(
      'apiserver_terminated_watchers_total',
      'Watches that were ended because their client did not keep up.',
      ({ figures }) => figures.cutOff,
    ),
  ];
}
