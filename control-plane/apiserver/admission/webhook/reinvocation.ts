// Which mutating webhooks, or policies, are asked a second time: those with reinvocationPolicy IfNeeded, when something changed after they were asked.
import { deepCopy, deepEqual, type KubeObject } from '../../../../api/meta/index.ts';
import type { Attributes } from '../../request.ts';

/** What is remembered of each request from its first round to its second. */
export class Rounds {
  readonly #of = new WeakMap<Attributes, Reinvocation>();

  /** Begins the request's round. */
  begin(attributes: Attributes): Reinvocation {
    const known = this.#of.get(attributes) ?? new Reinvocation();
    this.#of.set(attributes, known);
    if (attributes.round === 1) known.begin(attributes.object);
    return known;
  }
}

export class Reinvocation {
  /** Asked so far, and to be asked again when something changes. */
  #asked = new Set<string>();
  readonly #wanted = new Set<string>();
  #output: KubeObject | undefined;

  wants(id: string): boolean {
    return this.#wanted.has(id);
  }

  /** With policy IfNeeded. */
  asked(id: string): void {
    this.#asked.add(id);
  }

  /** The object changed: those who saw it before want to see it again. */
  changed(): void {
    for (const id of this.#asked) this.#wanted.add(id);
    this.#asked = new Set();
  }

  /** The plug-ins that ran between the two rounds may have changed what the webhooks left. */
  begin(object: KubeObject | undefined): void {
    if (!deepEqual(this.#output, object)) this.changed();
  }

  /** What the webhooks of the first round left. */
  end(object: KubeObject | undefined): void {
    this.#output = object && deepCopy(object);
  }
}
