// One object in the versions of its kind: whoever manages fields named them in the version that he wrote.
import type { KubeObject, Schema } from '../meta/index.ts';

export interface InVersion {
  object: KubeObject;
  schema: Schema | undefined;
}

/** The object in another version; undefined: its kind has no such version any more. Rejects when it cannot be converted. */
export type Convert = (object: KubeObject, apiVersion: string) => Promise<InVersion | undefined>;

export class Versions {
  readonly apiVersion: string;
  readonly #schema: Schema | undefined;
  readonly #convert: Convert | undefined;

  /** `schema` is that of `apiVersion`. Without `convert`, all versions are alike. */
  constructor(apiVersion: string, schema: Schema | undefined, convert: Convert | undefined) {
    this.apiVersion = apiVersion;
    this.#schema = schema;
    this.#convert = convert;
  }

  async at(object: KubeObject, apiVersion: string): Promise<InVersion | undefined> {
    const isOwn = apiVersion === this.apiVersion;
    if (this.#convert === undefined || (isOwn && object.apiVersion === apiVersion)) return { object, schema: this.#schema };
    return this.#convert(object, apiVersion);
  }
}
