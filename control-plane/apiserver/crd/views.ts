// Stored objects as one version of their definition shows them: pruned, with defaults, converted by a webhook where the definition
// names one. Each is made once.
import { deepCopy, deepEqual, deepFreeze, internalError, type KubeObject } from '../../../api/meta/index.ts';

export interface ViewsOptions {
  /** Of the version that is shown. */
  apiVersion: string;
  /** Prunes and fills defaults, in place, by the schema of the version that is shown. */
  shape(object: KubeObject): void;
  /** Prunes by the schema of the version in which it is stored, where that is another. */
  shapeStored?(object: KubeObject): void;
  /** By a webhook: in the wanted version, in their order. */
  convert?(objects: readonly KubeObject[], apiVersion: string): Promise<KubeObject[]>;
}

export interface Views {
  /** The very object when nothing differs. With a webhook it must have been prepared. */
  view(object: KubeObject): KubeObject;
  /** Asks the webhook for those that were not asked for yet. */
  prepare?(objects: readonly KubeObject[]): Promise<void>;
}

export function viewsOf({ apiVersion, shape, shapeStored, convert }: ViewsOptions): Views {
  const views = new WeakMap<KubeObject, KubeObject>();
  const asked = new WeakMap<KubeObject, Promise<void>>();
  const keep = (object: KubeObject, copy: KubeObject): KubeObject => {
    shape(copy);
    const view = deepEqual(copy, object) ? object : deepFreeze(copy);
    views.set(object, view);
    return view;
  };
  const storedCopy = (object: KubeObject): KubeObject => {
    const copy = deepCopy(object);
    if (object.apiVersion !== apiVersion) shapeStored?.(copy);
    return copy;
  };
  const view = (object: KubeObject): KubeObject => {
    const made = views.get(object);
    if (made !== undefined) return made;
    if (convert && object.apiVersion !== apiVersion)
      throw internalError(`${object.metadata.name ?? ''} was not converted to ${apiVersion}`);
    const copy = storedCopy(object);
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
