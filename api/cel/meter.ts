// What an evaluation may still spend. Evaluation is synchronous, so the meter in use is a variable of this module.
import { CostLimitError } from './problems.ts';

/** Elementary steps (elements compared or copied) that one evaluation may take, whatever they cost: a bound of time. */
const WORK_MAX = 3_000_000;

export class Meter {
  cost = 0;
  #work = 0;
  readonly #limit: number;
  constructor(limit: number) {
    this.#limit = limit;
  }
  charge(cost: number): void {
    this.cost += cost;
    if (this.cost > this.#limit) throw new CostLimitError();
  }
  work(steps: number): void {
    this.#work += steps;
    if (this.#work > WORK_MAX) throw new CostLimitError();
  }
}

let current: Meter | undefined;

/** Runs with that meter; evaluations may nest (a variable of a policy inside a validation). */
export function metered<T>(meter: Meter, run: () => T): T {
  const outer = current;
  current = meter;
  try {
    return run();
  } finally {
    current = outer;
  }
}

/** Counts steps that have no cost of their own. */
export const work = (steps: number): void => current?.work(steps);

/** Characters that one call may put together; the cost of a text is counted when it is there, which would be too late. */
const TEXT_MAX = 20_000_000;

/** Counts the parts of a text in the making. */
export class TextSize {
  #size = 0;
  counted(part: string): string {
    this.add(part.length);
    return part;
  }
  add(size: number): void {
    this.#size += size;
    if (this.#size > TEXT_MAX) throw new CostLimitError();
  }
}
