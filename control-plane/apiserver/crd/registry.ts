// Follows CustomResourceDefinitions: accepts their names, serves their kinds at once, and cleans up after them.
import { deepCopy, deepEqual, isStatusError, type KubeObject } from '../../../api/meta/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { Conflict } from '../../store/store.ts';
import type { Core } from '../core.ts';
import type { CacheEvent } from '../storage/item.ts';
import { rewrite } from '../write/rewrite.ts';
import { type CrdSpec, servedKinds } from './served.ts';

export const CRDS = { group: 'apiextensions.k8s.io', plural: 'customresourcedefinitions' };
export const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
  lastTransitionTime?: string;
}

export class CrdRegistry {
  readonly #core: Core;
  #unsubscribe: (() => void) | undefined;
  /** Work is done one CRD at a time, in the order in which changes came. */
  #queue: Promise<void> = Promise.resolve();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Serves what is there, then follows. */
  start(): void {
    const cache = this.#core.storage.cache(CRDS);
    for (const crd of cache.objects()) this.#serve(crd);
    this.#unsubscribe = cache.subscribe({ offer: (event) => this.#offer(event) });
    for (const crd of cache.objects()) this.#later(() => this.#settle(crd.metadata.name!));
  }

  stop(): void {
    this.#unsubscribe?.();
  }

  #offer(event: CacheEvent): void {
    const crd = event.item.object;
    const spec = crd['spec'] as CrdSpec;
    if (event.type === 'DELETED') {
      this.#core.kinds.setCustom(spec.group, spec.names.plural, []);
      // Names that it held may be free for another now.
      for (const other of this.#core.storage.cache(CRDS).objects())
        if (other['spec'].group === spec.group) this.#later(() => this.#settle(other.metadata.name!));
      return;
    }
    this.#serve(crd);
    this.#later(() => this.#settle(crd.metadata.name!));
  }

  #later(work: () => Promise<void>): void {
    this.#queue = this.#queue.then(work).catch((error: unknown) => {
      if (!isStatusError(error, 'NotFound') && !(error instanceof Conflict))
        this.#core.log.error({ err: error }, 'a CustomResourceDefinition');
    });
  }

  #serve(crd: KubeObject): void {
    const spec = crd['spec'] as CrdSpec;
    this.#core.kinds.setCustom(
      spec.group,
      spec.names.plural,
      isTrue(crd, 'Established') ? servedKinds(crd, this.#core.services.webhooks) : [],
    );
  }

  async #settle(name: string): Promise<void> {
    const crd = this.#core.storage.get(CRDS, '', name)?.object;
    if (crd === undefined) return;
    if (crd.metadata.deletionTimestamp !== undefined) return this.#cleanUp(crd);
    const now = rfc3339(this.#core.clock.nowMs());
    await rewrite(this.#core, CRDS, '', name, (copy) => {
      const before = deepCopy(copy['status']);
      copy['status'] = statusOf(copy, this.#others(copy), now);
      return deepEqual(before, copy['status']) ? false : undefined;
    });
  }

  /** CRDs of the same group that hold names already. */
  #others(crd: KubeObject): KubeObject[] {
    const all = this.#core.storage.cache(CRDS).objects();
    return all.filter((other) => other.metadata.name !== crd.metadata.name && other['spec'].group === crd['spec'].group);
  }

  /** Deletes all objects of a CRD that is going; those with finalizers hold it. */
  async #cleanUp(crd: KubeObject): Promise<void> {
    if (!crd.metadata.finalizers?.includes(CLEANUP)) return;
    const spec = crd['spec'] as CrdSpec;
    const resource = { group: spec.group, plural: spec.names.plural };
    const version = spec.versions.find((one) => one.storage)!.name;
    const named = { ...resource, version, kind: spec.names.kind, namespaced: spec.scope === 'Namespaced' };
    const { self } = this.#core.services;
    const cache = this.#core.storage.cache(resource);
    for (const object of cache.objects()) {
      if (object.metadata.deletionTimestamp !== undefined) continue;
      await self.delete(named, object.metadata.name!, { namespace: object.metadata.namespace ?? '' }).catch((error: unknown) => {
        if (!isStatusError(error, 'NotFound')) throw error;
      });
    }
    if (cache.size > 0) {
      const stop = cache.subscribe({
        offer: () => {
          if (cache.size > 0) return;
          stop();
          this.#later(() => this.#settle(crd.metadata.name!));
        },
      });
      return;
    }
    const item = this.#core.storage.get(CRDS, '', crd.metadata.name!);
    if (item === undefined) return;
    const finalizers = (item.object.metadata.finalizers ?? []).filter((finalizer) => finalizer !== CLEANUP);
    if (finalizers.length === 0) await this.#core.storage.remove(CRDS, item);
    else
      await rewrite(this.#core, CRDS, '', crd.metadata.name!, (copy) => {
        copy.metadata.finalizers = finalizers;
        return undefined;
      });
  }
}

const isTrue = (crd: KubeObject, type: string): boolean =>
  ((crd['status']?.conditions ?? []) as Condition[]).some((condition) => condition.type === type && condition.status === 'True');

/** Conditions, accepted names and stored versions of a CRD beside the others of its group. */
function statusOf(crd: KubeObject, others: readonly KubeObject[], now: string): object {
  const { names, versions } = crd['spec'] as CrdSpec;
  const status = (crd['status'] ?? {}) as { conditions?: Condition[]; storedVersions?: string[]; acceptedNames?: CrdSpec['names'] };
  const conflict = namesConflict(names, others);
  const conditions = [...(status.conditions ?? [])];
  const set = (condition: Condition) => {
    const at = conditions.findIndex((one) => one.type === condition.type);
    const before = conditions[at];
    const lastTransitionTime = before?.status === condition.status ? (before.lastTransitionTime ?? now) : now;
    if (at < 0) conditions.push({ ...condition, lastTransitionTime });
    else conditions[at] = { ...condition, lastTransitionTime };
  };
  if (conflict) set({ type: 'NamesAccepted', status: 'False', ...conflict });
  else set({ type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' });
  const established = conditions.some((one) => one.type === 'Established' && one.status === 'True');
  if (!conflict && !established)
    set({ type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' });
  else if (conflict && !established)
    set({ type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' });
  const storage = versions.find((version) => version.storage)?.name;
  const stored = status.storedVersions ?? [];
  return {
    conditions,
    acceptedNames: conflict ? (status.acceptedNames?.kind ? status.acceptedNames : { plural: names.plural, kind: '' }) : names,
    storedVersions: storage === undefined || stored.includes(storage) ? stored : [...stored, storage],
  };
}

function namesConflict(names: CrdSpec['names'], others: readonly KubeObject[]): { reason: string; message: string } | undefined {
  const accepted = others.map((other) => other['status']?.acceptedNames as CrdSpec['names'] | undefined).filter((one) => one?.kind);
  const resources = new Set(accepted.flatMap((one) => [one!.plural, one!.singular, ...(one!.shortNames ?? [])]));
  const kinds = new Set(accepted.flatMap((one) => [one!.kind, one!.listKind]));
  const used = (reason: string, name: string) => ({ reason, message: `"${name}" is already in use` });
  let found: { reason: string; message: string } | undefined;
  if (resources.has(names.plural)) found = used('PluralConflict', names.plural);
  if (names.singular && resources.has(names.singular)) found = used('SingularConflict', names.singular);
  for (const name of names.shortNames ?? []) if (resources.has(name)) found = used('ShortNamesConflict', name);
  if (kinds.has(names.kind)) found = used('KindConflict', names.kind);
  if (names.listKind && kinds.has(names.listKind)) found = used('ListKindConflict', names.listKind);
  return found;
}
