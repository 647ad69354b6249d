// Stored objects as one version of their definition shows them: pruned, with defaults, converted by a webhook where the definition
// names one. Each is made once.
import { deepCopy, deepEqual, deepFreeze, internalError, type KubeObject } from '../../../api/meta/index.ts';

export interface ViewsOptions {
  /** Of the version that is shown. */
  apiVersion: string;
  /** In place, as the object's own version reads it from the store: pruned, with defaults. */
  read(object: KubeObject): void;
  /** In place, after conversion: pruned by the version that is shown. Defaults are the stored version's alone, as upstream has it. */
  shape(object: KubeObject): void;
  /** By a webhook: in the wanted version, in their order. */
  convert?(objects: readonly KubeObject[], apiVersion: string): Promise<KubeObject[]>;
}

export interface Views {
  /** The very object when nothing differs. With a webhook it must have been prepared. */
  view(object: KubeObject): KubeObject;
  /** Asks the webhook for those that were not asked for yet. */
  prepare?(objects: readonly KubeObject[]): Promise<void>;
}

export function viewsOf({ apiVersion, read, shape, convert }: ViewsOptions): Views {
  const views = new WeakMap<KubeObject, KubeObject>();
  const asked = new WeakMap<KubeObject, Promise<void>>();
  const keep = (object: KubeObject, copy: KubeObject): KubeObject => {
    shape(copy);
    return settle(object, copy);
  };
  const settle = (object: KubeObject, copy: KubeObject): KubeObject => {
    const view = deepEqual(copy, object) ? object : deepFreeze(copy);
    views.set(object, view);
    return view;
  };
  const storedCopy = (object: KubeObject): KubeObject => {
    const copy = deepCopy(object);
    read(copy);
    return copy;
  };
  const view = (object: KubeObject): KubeObject => {
    const made = views.get(object);
    if (made !== undefined) return made;
    if (convert && object.apiVersion !== apiVersion)
      throw internalError(`${object.metadata.name ?? ''} was not converted to ${apiVersion}`);
    const copy = storedCopy(object);
    if (copy.apiVersion === apiVersion) return settle(object, copy);
    copy.apiVersion = apiVersion;
    return keep(object, copy);
  };
  if (!convert) return { view };
  const ask = async (objects: readonly KubeObject[]): Promise<void> => {
    const converted = await convert(objects.map(storedCopy), apiVersion);
    for (const [at, object] of objects.entries()) keep(object, converted[at]!);
  };
  return {
    view,
    async prepare(objects) {
      const others = objects.filter((object) => object.apiVersion !== apiVersion && !views.has(object));
      if (others.length === 0) return;
      // Readers that come meanwhile wait for the same answer; a failed one is asked for again by the next.
      const fresh = others.filter((object) => !asked.has(object));
      if (fresh.length > 0) {
        const answer = ask(fresh).finally(() => {
          for (const object of fresh) asked.delete(object);
        });
        for (const object of fresh) asked.set(object, answer);
      }
      await Promise.all(new Set(others.map((object) => asked.get(object))));
    },
  };
}
