// What the codec knows of a message: numbers of the generated facts joined with the fields' types, computed once.
import { messageNumbers, resolve } from '../../gen/index.ts';
import type { Field } from '../../meta/index.ts';

export interface MessageField {
  key: string;
  number: number;
  field: Field;
  /** Go's encoder writes the field also where nothing is set: it is a plain text, number or flag. */
  zero: '' | 0 | false | undefined;
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
    const field = fields[key]!;
    const one: MessageField = { key, number, field, zero: zeroOf(field) };
    byNumber.set(number, one);
    byKey.set(key, one);
  }
  return message;
}

function zeroOf({ type, format, pointer }: Field): MessageField['zero'] {
  if (pointer) return undefined;
  if (type === 'string') return format === undefined ? '' : undefined;
  if (type === 'integer' || type === 'number') return 0;
  return type === 'boolean' ? false : undefined;
}

const EXTENSIONS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';
export const SCHEMA_PROPS = `${EXTENSIONS}.JSONSchemaProps`;

/** Types that are one of two things in JSON and a message with two fields on the wire. */
export const eitherOf: Readonly<Record<string, 'array' | 'bool' | 'strings'>> = {
  [`${EXTENSIONS}.JSONSchemaPropsOrArray`]: 'array',
  [`${EXTENSIONS}.JSONSchemaPropsOrBool`]: 'bool',
  [`${EXTENSIONS}.JSONSchemaPropsOrStringArray`]: 'strings',
};
