// One informer a resource, shared by all who ask: each controller names what it needs and nothing is watched twice.
import type { KubeObject } from '../../api/meta/index.ts';
import type { Client, Resource } from './client.ts';
import { createInformer, type Informer, type InformerOptions, type InformerScope } from './informer.ts';

export interface InformerFactory {
  /** The shared informer of all objects of `resource` in `scope`; started by the first call. `optional`: `synced` need not wait for it. */
  of<T extends KubeObject = KubeObject>(resource: Resource, need?: 'optional', scope?: InformerScope): Informer<T>;
  /** Resolves when all informers asked for so far, except optional ones, have their first list. */
  synced(): Promise<void>;
}

export function createInformerFactory(
  client: Client,
  options: Pick<InformerOptions<KubeObject>, 'signal' | 'onError' | 'clock' | 'syncTimeoutMs'>,
): InformerFactory {
  const informers = new Map<string, Informer>();
  const needed = new Set<Informer>();
  return {
    of<T extends KubeObject>(resource: Resource, need?: 'optional', scope: InformerScope = {}): Informer<T> {
      const name = `${resource.plural}.${resource.group} ${JSON.stringify(scope)}`;
      let informer = informers.get(name);
      if (!informer) {
        informer = createInformer(client, resource, scope, options);
        informers.set(name, informer);
      }
      if (need !== 'optional') needed.add(informer);
      return informer as unknown as Informer<T>;
    },
    async synced() {
      await Promise.all([...needed].map((informer) => informer.synced));
    },
  };
}
