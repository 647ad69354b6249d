// Chance that can be had again: the same seed gives the same choices.

export interface Chance {
  /** From 0 to 1, without 1. */
  next(): number;
  of<T>(things: readonly T[]): T;
}

/** Marsaglia's xorshift of 32 bits, which any seed but 0 drives through all values. */
export function chance(seed: number): Chance {
  let state = seed >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  return { next, of: (things) => things[Math.floor(next() * things.length)]! };
}
