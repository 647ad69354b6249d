// What the codec knows of a message: numbers of the generated facts joined with the fields' types, computed once.
import { messageNumbers, resolve } from '../../gen/index.ts';
import type { Field } from '../../meta/index.ts';

export interface MessageField {
  key: string;
  number: number;
  field: Field;
}

export interface Message {
  byNumber: ReadonlyMap<number, MessageField>;
  byKey: ReadonlyMap<string, MessageField>;
  /** Structs embedded in Go: JSON shows their fields among ours, the wire has a message for each. */
  inlined: readonly { number: number; message: Message }[];
}

const known = new Map<string, Message>();

/** By name of the definition, e.g. `io.k8s.api.core.v1.Pod`. */
export function messageOf(name: string): Message {
  const found = known.get(name);
  if (found) return found;
  const fields = resolve(name).fields;
  const byNumber = new Map<number, MessageField>();
  const byKey = new Map<string, MessageField>();
  const inlined: { number: number; message: Message }[] = [];
  const message: Message = { byNumber, byKey, inlined };
  known.set(name, message);
  for (const [key, number] of Object.entries(messageNumbers(name) ?? {})) {
    if (typeof number !== 'number') {
      for (const [at, inner] of number) inlined.push({ number: at, message: messageOf(inner) });
      continue;
    }
    const one: MessageField = { key, number, field: fields[key]! };
    byNumber.set(number, one);
    byKey.set(key, one);
  }
  return message;
}

const EXTENSIONS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';
export const SCHEMA_PROPS = `${EXTENSIONS}.JSONSchemaProps`;

/** Types that are one of two things in JSON and a message with two fields on the wire. */
export const eitherOf: Readonly<Record<string, 'array' | 'bool' | 'strings'>> = {
  [`${EXTENSIONS}.JSONSchemaPropsOrArray`]: 'array',
  [`${EXTENSIONS}.JSONSchemaPropsOrBool`]: 'bool',
  [`${EXTENSIONS}.JSONSchemaPropsOrStringArray`]: 'strings',
};
