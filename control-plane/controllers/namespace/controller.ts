// Empties a namespace that is being deleted, pods first, tells what is left, and takes the finalizer off when nothing is.
import type { Namespace } from '../../../api/gen/types/core.v1.ts';
import { isStatusError, type KubeObject, semanticEqual } from '../../../api/meta/index.ts';
import { type Client, RESOURCES, type Resource } from '../../../kit/client/index.ts';
import { done, type Outcome } from '../../../kit/queue/index.ts';
import { account, type Controller, type ControllerContext, reconcilerOf } from '../controller.ts';
import type { AllKinds } from '../shared/all-kinds.ts';
import { conditionsOf, type Remaining } from './conditions.ts';

const FINALIZER = 'kubernetes';
/** Deletes at once, for one resource. */
const DELETES_MAX = 50;
/** What is left is looked at again after this long, when no event told of a change. */
const LOOK_AGAIN_MS = 5_000;

async function ignoring<T>(reasons: readonly string[], call: Promise<T>): Promise<T | undefined> {
  return await call.catch((error: unknown) => {
    if (reasons.some((reason) => isStatusError(error, reason))) return undefined;
    throw error;
  });
}

/** Deletes all of one resource. Returns what is still there. */
async function empty(client: Client, resource: Resource, namespace: string): Promise<KubeObject[]> {
  const listing = await ignoring(['NotFound', 'MethodNotAllowed'], client.list(resource, { namespace }));
  const going = (listing?.items ?? []).filter(({ metadata }) => !metadata.deletionTimestamp);
  for (let from = 0; from < going.length; from += DELETES_MAX) {
    const batch = going.slice(from, from + DELETES_MAX);
    await Promise.all(
      batch.map(({ metadata }) =>
        ignoring(['NotFound', 'Conflict'], client.delete(resource, metadata.name ?? '', { namespace, propagationPolicy: 'Background' })),
      ),
    );
  }
  return (listing?.items.length ?? 0) === 0 ? [] : ((await ignoring(['NotFound'], client.list(resource, { namespace })))?.items ?? []);
}

class NamespaceController {
  readonly #context: ControllerContext;
  readonly #kinds: AllKinds;

  constructor(context: ControllerContext, kinds: AllKinds) {
    this.#context = context;
    this.#kinds = kinds;
  }

  async reconcile(cached: Namespace): Promise<Outcome> {
    const { client, clock } = this.#context;
    const name = cached.metadata.name ?? '';
    const remaining = await this.#emptyAll(name);
    const namespace = await ignoring(['NotFound'], client.get<Namespace>(RESOURCES.namespaces, name));
    if (!namespace || namespace.metadata.uid !== cached.metadata.uid) return done;
    const conditions = conditionsOf(namespace.status?.conditions ?? [], remaining, clock.nowMs());
    const status = { ...namespace.status, phase: 'Terminating', conditions };
    const isEmpty = remaining.resources.size === 0 && remaining.failures.length === 0 && remaining.undiscovered.size === 0;
    let written = namespace;
    // Told only when somebody can read it: an empty namespace goes at once.
    if (!isEmpty && !semanticEqual(status, namespace.status))
      written = await client.update<Namespace>(RESOURCES.namespaces, { ...namespace, status }, { subresource: 'status' });
    if (!isEmpty) return { retryAfterMs: LOOK_AGAIN_MS };
    const finalizers = (written.spec?.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER);
    if (finalizers.length !== (written.spec?.finalizers ?? []).length) {
      await ignoring(
        ['NotFound'],
        client.update(RESOURCES.namespaces, { ...written, spec: { ...written.spec, finalizers } }, { subresource: 'finalize' }),
      );
    }
    return done;
  }

  async #emptyAll(namespace: string): Promise<Remaining> {
    const resources = new Map<string, number>();
    const finalizers = new Map<string, number>();
    const failures: string[] = [];
    const undiscovered = this.#kinds.undiscovered();
    const count = (resource: Resource, objects: readonly KubeObject[]) => {
      if (objects.length > 0) resources.set(`${resource.plural}.${resource.group}`, objects.length);
      for (const finalizer of objects.flatMap(({ metadata }) => metadata.finalizers ?? []))
        finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
    };
    const emptyOne = async (resource: Resource) => {
      try {
        count(resource, await empty(this.#context.client, resource, namespace));
      } catch (error) {
        failures.push((error as Error).message);
      }
    };
    // Pods go first, while what they use is still there.
    await emptyOne(RESOURCES.pods);
    if (resources.size > 0 || failures.length > 0) return { resources, finalizers, failures, undiscovered };
    const others = this.#kinds.deletable().filter(({ namespaced, plural, group }) => namespaced && !(plural === 'pods' && group === ''));
    await Promise.all(others.map(emptyOne));
    await emptyOne(RESOURCES.events);
    return { resources, finalizers, failures, undiscovered };
  }
}

export const namespaceController: Controller = {
  name: 'namespace',
  user: account('namespace-controller'),
  start(context, signal, ready) {
    const namespaces = context.informers.of<Namespace>(RESOURCES.namespaces);
    const kinds = context.allKinds;
    const controller = new NamespaceController(context, kinds);
    const queue = reconcilerOf('namespace', context, signal, ready, async (name) => {
      const namespace = namespaces.get(name);
      return namespace?.metadata.deletionTimestamp ? await controller.reconcile(namespace) : done;
    });
    const seen = ({ metadata }: Namespace) => metadata.deletionTimestamp && queue.add(metadata.name ?? '');
    namespaces.on({ added: seen, updated: (_, namespace) => seen(namespace) });
    kinds.each((informer, { namespaced }) => {
      if (!namespaced) return;
      informer.on({
        deleted: ({ metadata }) =>
          namespaces.get(metadata.namespace ?? '')?.metadata.deletionTimestamp && queue.add(metadata.namespace ?? ''),
      });
    });
  },
};
