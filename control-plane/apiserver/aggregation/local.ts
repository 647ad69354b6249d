// The APIServices that the server keeps for itself: one for each group and version that it serves, its own and those of
// CustomResourceDefinitions.
import { randomUUID } from 'node:crypto';
import { deepEqual, isStatusError, type KubeObject } from '../../../api/meta/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { Conflict } from '../../store/store.ts';
import type { Core } from '../core.ts';
import { API_SERVICES, LOCAL, specOf } from './api-service.ts';
import { builtInPriority, CUSTOM, type Priority } from './priorities.ts';

/** `onstart`: made when absent at start, and left to users; `true`: kept as it is and removed with its definition. */
const MANAGED = 'kube-aggregator.kubernetes.io/automanaged';

interface Wanted {
  name: string;
  managed: 'onstart' | 'true';
  spec: object;
}

function wanted(group: string, version: string, custom: boolean): Wanted {
  const priority: Priority = custom ? CUSTOM : builtInPriority(group, version);
  return { name: `${version}.${group}`, managed: custom ? 'true' : 'onstart', spec: { ...(group ? { group } : {}), version, ...priority } };
}

export class LocalApiServices {
  readonly #core: Core;
  /** One pass at a time; a change meanwhile asks for another. */
  #running: Promise<void> | undefined;
  #again = false;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Makes what is absent, then follows definitions and those who delete what they do not own. */
  async start(): Promise<void> {
    await Promise.all([...this.#served()].filter(({ name }) => !this.#present(name)).map((one) => this.#createFirst(one)));
    this.#core.kinds.onChange(() => this.check());
    this.check();
  }

  check(): void {
    this.#again = true;
    this.#running ??= this.#settle().finally(() => {
      this.#running = undefined;
    });
  }

  /** For tests and the end: nothing is being written any more. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async #settle(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      await Promise.resolve(); // definitions that come together are one pass
      const custom = [...this.#served()].filter(({ managed }) => managed === 'true');
      const names = new Set(custom.map(({ name }) => name));
      const gone = this.#core.storage
        .cache(API_SERVICES)
        .objects()
        .filter((object) => object.metadata.labels?.[MANAGED] === 'true' && !names.has(object.metadata.name!));
      const work = [...custom.map((one) => this.#keep(one)), ...gone.map((object) => this.#remove(object.metadata.name!))];
      for (const result of await Promise.allSettled(work))
        if (result.status === 'rejected' && !(result.reason instanceof Conflict) && !isStatusError(result.reason, 'NotFound'))
          this.#core.log.error({ err: result.reason }, 'an APIService');
    }
  }

  *#served(): Iterable<Wanted> {
    const seen = new Set<string>();
    for (const { kind, custom } of this.#core.kinds.all()) {
      if (kind.group === API_SERVICES.group) continue; // upstream's aggregator does not register itself
      const one = wanted(kind.group, kind.version, custom);
      if (!seen.has(one.name)) yield one;
      seen.add(one.name);
    }
  }

  /** Another server of the cluster may have been first. */
  async #createFirst(one: Wanted): Promise<void> {
    try {
      await this.#create(one);
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
    }
  }

  #present(name: string): KubeObject | undefined {
    return this.#core.storage.get(API_SERVICES, '', name)?.object;
  }

  async #keep(one: Wanted): Promise<void> {
    const item = this.#core.storage.get(API_SERVICES, '', one.name);
    if (item === undefined) return this.#create(one);
    const managed = item.object.metadata.labels?.[MANAGED] === 'true'; // another one is a user's
    if (!managed || deepEqual(specOf(item.object), one.spec)) return;
    await this.#core.storage.put(API_SERVICES, item.local, { ...item.object, spec: one.spec }, item);
  }

  async #create({ name, managed, spec }: Wanted): Promise<void> {
    const now = rfc3339(this.#core.clock.nowMs());
    const object: KubeObject = {
      kind: 'APIService',
      apiVersion: 'apiregistration.k8s.io/v1',
      metadata: { name, uid: randomUUID(), creationTimestamp: now, labels: { [MANAGED]: managed } },
      spec,
      status: { conditions: [{ ...LOCAL, lastTransitionTime: now }] },
    };
    await this.#core.storage.put(API_SERVICES, name, object, 'absent');
  }

  async #remove(name: string): Promise<void> {
    const item = this.#core.storage.get(API_SERVICES, '', name);
    if (item) await this.#core.storage.remove(API_SERVICES, item);
  }
}
