// The client that controllers, scheduler, agents and tests use; over HTTPS or in-process, one contract suite for both.
import type { KubeList, KubeObject } from '../../api/meta/index.ts';
import type { DiscoveredResource } from './discovery.ts';

/** Which resource a call is about. `RESOURCES` in resources.ts names the ones we use ourselves. */
export interface Resource {
  group: string;
  version: string;
  plural: string;
  kind: string;
  namespaced: boolean;
}

export interface ListParams {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  /** Objects with nothing but their metadata (PartialObjectMetadata): for caches of all there is. Extension servers may answer whole ones. */
  metadataOnly?: boolean;
}

export interface WatchParams extends ListParams {
  allowWatchBookmarks?: boolean;
  timeoutSeconds?: number;
}

export interface WatchEvent<T = KubeObject> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: T;
}

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

export interface DeleteParams {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  preconditions?: { uid?: string; resourceVersion?: string };
}

export interface WriteParams {
  namespace?: string;
  subresource?: string;
  fieldManager?: string;
  force?: boolean;
  dryRun?: boolean;
}

/**
 * All methods reject with StatusError for an answer of the server, and with OpError or the abort reason when
 * the server could not be reached. Returned objects are shared with caches: never change them, copy first.
 */
export interface Client {
  get<T = KubeObject>(resource: Resource, name: string, params?: { namespace?: string; subresource?: string }): Promise<T>;
  list<T = KubeObject>(resource: Resource, params?: ListParams): Promise<KubeList<T>>;
  create<T = KubeObject>(resource: Resource, object: object, params?: WriteParams & { name?: string }): Promise<T>;
  update<T = KubeObject>(resource: Resource, object: object, params?: WriteParams): Promise<T>;
  patch<T = KubeObject>(resource: Resource, name: string, type: PatchType, patch: unknown, params?: WriteParams): Promise<T>;
  /** The answer is the object when it stays (finalizers, grace), else a Status. */
  delete(resource: Resource, name: string, params?: DeleteParams & { namespace?: string }): Promise<KubeObject>;
  /** Throws StatusError `Expired` (410) also when it comes as an ERROR event. Ends when the server ends it. */
  watch<T = KubeObject>(resource: Resource, params: WatchParams, signal: AbortSignal): AsyncIterable<WatchEvent<T>>;
  /** The main resources of a group and version. */
  discover(group: string, version: string): Promise<DiscoveredResource[]>;
  close(): Promise<void>;
}
