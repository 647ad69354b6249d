// Which mutating webhooks are asked a second time: those with reinvocationPolicy IfNeeded, when something changed after they were asked.
import { deepCopy, deepEqual, type KubeObject } from '../../../../api/meta/index.ts';

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
