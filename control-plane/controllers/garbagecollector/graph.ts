// Who owns whom, over all kinds: fed by the caches, asked by the collector. No I/O.
import { type KubeObject, type OwnerReference, parseApiVersion } from '../../../api/meta/index.ts';
import type { Resource } from '../../../kit/client/index.ts';

export interface GraphNode {
  uid: string;
  resource: Resource;
  namespace: string;
  name: string;
  owners: readonly OwnerReference[];
  /** Being deleted with the finalizer `foregroundDeletion`: waits for its dependents. */
  deletingDependents: boolean;
  /** Being deleted with the finalizer `orphan`. */
  orphaning: boolean;
}

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

export class OwnerGraph {
  readonly #nodes = new Map<string, GraphNode>();
  readonly #dependents = new Map<string, Set<string>>();

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  dependentsOf(uid: string): GraphNode[] {
    return [...(this.#dependents.get(uid) ?? [])].flatMap((dependent) => this.#nodes.get(dependent) ?? []);
  }

  set(object: KubeObject, resource: Resource): GraphNode {
    const { uid = '', namespace = '', name = '', ownerReferences = [], finalizers = [], deletionTimestamp } = object.metadata;
    this.#unlink(uid);
    const going = deletionTimestamp !== undefined;
    const node = {
      uid,
      resource,
      namespace,
      name,
      owners: ownerReferences,
      deletingDependents: going && finalizers.includes(FOREGROUND),
      orphaning: going && finalizers.includes(ORPHAN),
    };
    this.#nodes.set(uid, node);
    for (const owner of ownerReferences) {
      const dependents = this.#dependents.get(owner.uid);
      if (dependents) dependents.add(uid);
      else this.#dependents.set(owner.uid, new Set([uid]));
    }
    return node;
  }

  delete(uid: string): void {
    this.#unlink(uid);
    this.#nodes.delete(uid);
  }

  #unlink(uid: string): void {
    for (const owner of this.#nodes.get(uid)?.owners ?? []) {
      const dependents = this.#dependents.get(owner.uid);
      dependents?.delete(uid);
      if (dependents?.size === 0) this.#dependents.delete(owner.uid);
    }
  }

  /** Whether the reference names an object that is there, where it says, and not waiting for its dependents. */
  isSolid(owner: OwnerReference, dependent: GraphNode): boolean {
    const node = this.#nodes.get(owner.uid);
    return node !== undefined && !node.deletingDependents && this.#isAt(node, owner, dependent);
  }

  /** The object of that uid exists, but not where the reference says. */
  isMisplaced(owner: OwnerReference, dependent: GraphNode): boolean {
    const node = this.#nodes.get(owner.uid);
    return node !== undefined && !this.#isAt(node, owner, dependent);
  }

  #isAt(node: GraphNode, owner: OwnerReference, dependent: GraphNode): boolean {
    const sameKind = node.resource.kind === owner.kind && node.resource.group === parseApiVersion(owner.apiVersion).group;
    return sameKind && node.name === owner.name && (!node.resource.namespaced || node.namespace === dependent.namespace);
  }
}
