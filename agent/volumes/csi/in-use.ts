// Volumes that are attached for this node and in use on it: told in the node's status before they are mounted and until they are
// unmounted. The attach-detach controller takes none away that is told here; what it has attached it tells in the same status.
import type { Node } from '../../../api/gen/types/core.v1.ts';
import { deepEqual, type KubeObject } from '../../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../../kit/client/index.ts';
import type { Logger } from '../../../kit/run/index.ts';

type NodeObject = Node & KubeObject;

export interface VolumesInUseOptions {
  client: Client;
  nodeName: string;
  log: Logger;
  /** A volume that the pod waits for has been attached. */
  onChange(podUid: string): void;
}

export class VolumesInUse {
  readonly #options: VolumesInUseOptions;
  /** Uids of pods by the volume's name. */
  readonly #holders = new Map<string, Set<string>>();
  #attached: ReadonlySet<string> = new Set();
  #telling: Promise<unknown> = Promise.resolve();

  constructor(options: VolumesInUseOptions) {
    this.#options = options;
  }

  /** The pod has the volume mounted, or may have. */
  hold(volume: string, podUid: string): void {
    const holders = this.#holders.get(volume) ?? new Set();
    this.#holders.set(volume, holders.add(podUid));
  }

  /**
   * Whether the volume may be mounted for the pod: it is attached, and known to be in use. Both are read from one state of the node, so
   * a controller that is about to detach it either sees that it is in use or has said before that it is not attached.
   */
  async isAttached(volume: string, podUid: string): Promise<boolean> {
    this.hold(volume, podUid);
    const { client, nodeName } = this.#options;
    const seen = await client.get<NodeObject>(RESOURCES.nodes, nodeName);
    const node = seen.status?.volumesInUse?.includes(volume) ? seen : await this.#tell();
    return attachedOf(node).has(volume);
  }

  /** All that the pod had is unmounted. */
  release(podUid: string): void {
    let isLess = false;
    for (const [volume, holders] of this.#holders) {
      if (!holders.delete(podUid) || holders.size > 0) continue;
      this.#holders.delete(volume);
      isLess = true;
    }
    if (isLess) this.#tellLater();
  }

  /** The node as the API has it now: what others wrote, or a write of ours that failed, is put right. */
  seen(node: Node): void {
    if (!deepEqual(node.status?.volumesInUse ?? [], this.#names())) this.#tellLater();
    const before = this.#attached;
    this.#attached = attachedOf(node);
    for (const volume of this.#attached)
      if (!before.has(volume)) for (const uid of this.#holders.get(volume) ?? []) this.#options.onChange(uid);
  }

  #names(): string[] {
    return [...this.#holders.keys()].sort();
  }

  #tellLater(): void {
    this.#tell().catch((error: unknown) => this.#options.log.warn({ err: error }, 'volumes in use not told yet'));
  }

  /** One after the other, so that the last word is the newest. */
  #tell(): Promise<NodeObject> {
    const told = this.#telling.then(() => {
      const status = { volumesInUse: this.#names() };
      const { client, nodeName } = this.#options;
      return client.patch<NodeObject>(RESOURCES.nodes, nodeName, 'merge', { status }, { subresource: 'status' });
    });
    this.#telling = told.catch(() => {}); // whoever asked sees it
    return told;
  }
}

const attachedOf = ({ status }: Node): Set<string> => new Set((status?.volumesAttached ?? []).map(({ name }) => name));
