// Removes objects whose owners are gone, and carries out foreground and orphan deletion, over all kinds.
import { apiVersionOf, isStatusError, type KubeObject, type OwnerReference, parseApiVersion } from '../../../api/meta/index.ts';
import type { EventRecorder } from '../../../kit/client/index.ts';
import { done, type Outcome, type Reconciler } from '../../../kit/queue/index.ts';
import { account, type Controller, type ControllerContext, reconcilerOf } from '../controller.ts';
import type { AllKinds } from '../shared/all-kinds.ts';
import { decide, type OwnerState } from './decision.ts';
import { FOREGROUND, type GraphNode, ORPHAN, OwnerGraph } from './graph.ts';

class Collector {
  readonly #context: ControllerContext;
  readonly #kinds: AllKinds;
  readonly #graph = new OwnerGraph();
  readonly #events: EventRecorder;
  readonly #queue: Reconciler;

  constructor(context: ControllerContext, kinds: AllKinds, signal: AbortSignal, ready: Promise<void>) {
    this.#context = context;
    this.#kinds = kinds;
    this.#events = context.events('garbage-collector-controller');
    // Owners that are not listed yet must not look absent.
    const all = ready.then(() => kinds.synced());
    this.#queue = reconcilerOf('garbagecollector', context, signal, all, (uid) => this.#reconcile(uid));
    kinds.each((informer, resource) => {
      informer.on({
        added: (object) => this.#seen(this.#graph.set(object, resource)),
        updated: (before, object) => {
          this.#seen(this.#graph.set(object, resource));
          // It may block its owner's deletion no more.
          for (const { uid } of before.metadata.ownerReferences ?? []) if (this.#graph.get(uid)?.deletingDependents) this.#queue.add(uid);
        },
        deleted: (object) => this.#gone(object),
      });
    });
  }

  #seen(node: GraphNode): void {
    if (node.deletingDependents || node.orphaning || node.owners.some((owner) => !this.#graph.isSolid(owner, node)))
      this.#queue.add(node.uid);
  }

  #gone(object: KubeObject): void {
    const uid = object.metadata.uid ?? '';
    const owners = this.#graph.get(uid)?.owners ?? [];
    this.#graph.delete(uid);
    for (const dependent of this.#graph.dependentsOf(uid)) this.#queue.add(dependent.uid);
    for (const owner of owners) if (this.#graph.get(owner.uid)?.deletingDependents) this.#queue.add(owner.uid);
  }

  async #reconcile(uid: string): Promise<Outcome> {
    const node = this.#graph.get(uid);
    if (!node) return done;
    if (node.orphaning) return await this.#orphanDependents(node);
    if (node.deletingDependents) return await this.#deleteDependents(node);
    if (node.owners.every((owner) => this.#graph.isSolid(owner, node))) return done;
    await this.#collect(node);
    return done;
  }

  async #live(node: GraphNode): Promise<KubeObject | undefined> {
    const object = await absentIfGone(this.#context.client.get(node.resource, node.name, scopeOf(node)));
    return object?.metadata.uid === node.uid ? object : undefined;
  }

  async #collect(node: GraphNode): Promise<void> {
    const { client } = this.#context;
    const object = await this.#live(node);
    if (!object || object.metadata.deletionTimestamp || !object.metadata.ownerReferences?.length) return;
    const owners = await Promise.all(
      object.metadata.ownerReferences.map(async (reference) => ({ reference, state: await this.#stateOf(reference, node) })),
    );
    const dependents = this.#graph.dependentsOf(node.uid);
    const decision = decide({
      finalizers: object.metadata.finalizers ?? [],
      owners,
      hasDependents: dependents.length > 0,
      inCycle: dependents.some((dependent) => dependent.deletingDependents),
    });
    if (decision.do === 'drop-owners')
      await this.#writeOwners(
        node,
        object,
        (object.metadata.ownerReferences ?? []).filter(({ uid }) => !decision.uids.includes(uid)),
      );
    if (decision.do !== 'delete') return;
    if (decision.unblock)
      await this.#writeOwners(
        node,
        object,
        (object.metadata.ownerReferences ?? []).map((owner) => ({ ...owner, blockOwnerDeletion: false })),
      );
    const preconditions = { uid: node.uid, ...(decision.unblock ? {} : { resourceVersion: object.metadata.resourceVersion ?? '' }) };
    await absentIfGone(client.delete(node.resource, node.name, { ...scopeOf(node), propagationPolicy: decision.policy, preconditions }));
  }

  /** Asked of the server, by uid: the cache alone never condemns anything. */
  async #stateOf(owner: OwnerReference, dependent: GraphNode): Promise<OwnerState> {
    const resource = this.#kinds.find(parseApiVersion(owner.apiVersion).group, owner.kind);
    if (!resource) throw new Error(`unable to get REST mapping for ${owner.apiVersion}/${owner.kind}`);
    if (this.#graph.isMisplaced(owner, dependent)) this.#tellMisplaced(owner, dependent);
    // A cluster-scoped object cannot have an owner in a namespace: such a reference is never acted upon.
    if (resource.namespaced && !dependent.resource.namespaced) return 'solid';
    const object = await absentIfGone(
      this.#context.client.get(resource, owner.name, resource.namespaced ? { namespace: dependent.namespace } : {}),
    );
    if (object?.metadata.uid !== owner.uid) return 'absent';
    return object.metadata.deletionTimestamp && object.metadata.finalizers?.includes(FOREGROUND) ? 'waiting' : 'solid';
  }

  #tellMisplaced(owner: OwnerReference, { resource, namespace, name, uid }: GraphNode): void {
    const reference = `[${owner.apiVersion}/${owner.kind}, namespace: ${namespace}, name: ${owner.name}, uid: ${owner.uid}]`;
    const target = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { namespace, name, uid } };
    this.#events.record(target, 'Warning', 'OwnerRefInvalidNamespace', `ownerRef ${reference} does not exist in namespace "${namespace}"`);
  }

  /** Waits only for those that block; each of them is brought to its own decision. */
  async #deleteDependents(node: GraphNode): Promise<Outcome> {
    const blocking = this.#graph
      .dependentsOf(node.uid)
      .filter(({ owners }) => owners.some((owner) => owner.uid === node.uid && owner.blockOwnerDeletion));
    if (blocking.length === 0) {
      await this.#removeFinalizer(node, FOREGROUND);
      return done;
    }
    for (const dependent of blocking) if (!dependent.deletingDependents) this.#queue.add(dependent.uid);
    return done;
  }

  async #orphanDependents(node: GraphNode): Promise<Outcome> {
    await Promise.all(
      this.#graph.dependentsOf(node.uid).map(async (dependent) => {
        const object = await this.#live(dependent);
        const owners = object?.metadata.ownerReferences ?? [];
        if (object && owners.some(({ uid }) => uid === node.uid))
          await this.#writeOwners(
            dependent,
            object,
            owners.filter(({ uid }) => uid !== node.uid),
          );
      }),
    );
    await this.#removeFinalizer(node, ORPHAN);
    return done;
  }

  async #writeOwners(node: GraphNode, object: KubeObject, owners: OwnerReference[]): Promise<void> {
    const metadata = {
      uid: node.uid,
      resourceVersion: object.metadata.resourceVersion,
      ownerReferences: owners.length > 0 ? owners : null,
    };
    await absentIfGone(this.#context.client.patch(node.resource, node.name, 'merge', { metadata }, scopeOf(node)));
  }

  async #removeFinalizer(node: GraphNode, finalizer: string): Promise<void> {
    const object = await this.#live(node);
    const finalizers = object?.metadata.finalizers ?? [];
    if (!object || !finalizers.includes(finalizer)) return;
    const rest = finalizers.filter((other) => other !== finalizer);
    const metadata = { uid: node.uid, resourceVersion: object.metadata.resourceVersion, finalizers: rest.length > 0 ? rest : null };
    await absentIfGone(this.#context.client.patch(node.resource, node.name, 'merge', { metadata }, scopeOf(node)));
  }
}

const scopeOf = ({ resource, namespace }: GraphNode): { namespace?: string } => (resource.namespaced ? { namespace } : {});

async function absentIfGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

export const garbageCollector: Controller = {
  name: 'garbagecollector',
  user: account('generic-garbage-collector'),
  start(context, signal, ready) {
    new Collector(context, context.allKinds, signal, ready);
  },
};
