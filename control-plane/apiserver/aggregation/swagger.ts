// OpenAPI v2 of extension servers: asked for when somebody asks for ours, and kept for a while.
import { createHash } from 'node:crypto';
import type { KubeObject } from '../../../api/meta/index.ts';
import { type SwaggerPart, swaggerPart, swaggerProtobuf } from '../../../api/wire/index.ts';
import { specOf } from './api-service.ts';

const KEPT_MS = 30_000;

export interface RemoteSwagger {
  readonly hash: string;
  readonly part: SwaggerPart;
}

export class RemoteSwaggers {
  readonly #fetch: (object: KubeObject) => Promise<unknown>;
  readonly #nowMs: () => number;
  /** By uid: at most one for each registration. */
  readonly #kept = new Map<string, { atMs: number; made: Promise<RemoteSwagger | undefined> }>();

  constructor(fetch: (object: KubeObject) => Promise<unknown>, nowMs: () => number) {
    this.#fetch = fetch;
    this.#nowMs = nowMs;
  }

  /** Undefined: it has none, or none that could be read. */
  of(object: KubeObject): Promise<RemoteSwagger | undefined> {
    const uid = object.metadata.uid ?? '';
    const known = this.#kept.get(uid);
    if (known && this.#nowMs() - known.atMs < KEPT_MS) return known.made;
    const made = this.#read(object).catch(() => undefined);
    this.#kept.set(uid, { atMs: this.#nowMs(), made });
    return made;
  }

  keepOnly(objects: Iterable<KubeObject>): void {
    const uids = new Set([...objects].map(({ metadata }) => metadata.uid));
    for (const uid of this.#kept.keys()) if (!uids.has(uid)) this.#kept.delete(uid);
  }

  async #read(object: KubeObject): Promise<RemoteSwagger> {
    const part = swaggerPart(await this.#fetch(object), `/apis/${specOf(object).group}/`);
    // It must also fit into the other form; what does not would spoil everybody's document.
    for (const _ of swaggerProtobuf([{ paths: part.paths }, { definitions: part.definitions }]));
    return { hash: createHash('sha256').update(JSON.stringify(part)).digest('hex'), part };
  }
}
