// Documentation of definitions, which the build takes from a published package: without it all works, with fewer words.

/** Of one definition: its own text, its fields' texts, and the values of the fields that take only a few. */
export interface Description {
  text?: string;
  fields?: Record<string, string>;
  enums?: Record<string, string[]>;
}

/** By definition, e.g. `io.k8s.api.core.v1.PodSpec`. */
export type Descriptions = (definition: string) => Description | undefined;

export const noDescriptions: Descriptions = () => undefined;
