// How much the bodies of requests may hold together while they come. Who sends on is never in the way of others for long; who has
// stopped in the middle gives his place up when somebody else needs it. Pure.

/** What a chunk costs beside its bytes: many small ones are no way around the limit. */
const CHUNK_BYTES = 128;

/** A body's share of the room. */
export interface Place {
  /** A chunk of it has come. */
  add(bytes: number): void;
  /** It is complete, or will not be. May be called again. */
  leave(): void;
}

interface Body {
  held: number;
  giveWay(): void;
}

export class BodyRoom {
  readonly #max: number;
  /** In the order of their last chunks. */
  readonly #bodies = new Set<Body>();
  #held = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get held(): number {
    return this.#held;
  }

  /** `giveWay` is called when the room is needed by others, and must leave it. */
  enter(giveWay: () => void): Place {
    const body: Body = { held: 0, giveWay };
    this.#bodies.add(body);
    return {
      add: (bytes) => {
        if (!this.#bodies.delete(body)) return;
        this.#bodies.add(body);
        body.held += bytes + CHUNK_BYTES;
        this.#held += bytes + CHUNK_BYTES;
        this.#makeRoom();
      },
      leave: () => {
        if (this.#bodies.delete(body)) this.#held -= body.held;
      },
    };
  }

  #makeRoom(): void {
    for (const body of this.#bodies) {
      if (this.#held <= this.#max) return;
      if (body.held > 0) body.giveWay();
    }
  }
}
