// Paths to a field as rules and selectable fields name them: `.spec.name`, `.spec['a.b']`. They must fit the schema.
import { at, index } from '../meta/index.ts';
import { hasAdditional, type JsonSchema, own, valuesSchema } from './schema.ts';

export interface FieldPath {
  /** In the form of findings: `spec.labels[a.b]`. */
  path: string;
  /** Names and keys on the way. */
  steps: string[];
  schema: JsonSchema | undefined;
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '\\': '\\',
};

class PathError extends Error {}

/** `brackets`: whether `['key']` may be used. Answers why not when the path does not fit. */
export function fieldPath(text: string, schema: JsonSchema, { brackets = true } = {}): FieldPath | { why: string } {
  try {
    return read(text, schema, brackets);
  } catch (error) {
    if (error instanceof PathError) return { why: error.message };
    throw error;
  }
}

function read(text: string, root: JsonSchema, brackets: boolean): FieldPath {
  const tokens = tokensOf(text);
  const found: FieldPath = { path: '', steps: [], schema: root };
  const next = (): string => {
    const token = tokens.shift();
    if (token === undefined) throw new PathError('unexpected end of JSON path');
    return token;
  };
  while (tokens.length > 0) {
    const token = next();
    if (token === '.') step(found, next());
    else if (token === '[') {
      if (!brackets) throw new PathError('array notation is not allowed');
      step(found, unquoted(next()));
      const end = next();
      if (end !== ']') throw new PathError(`expected ] but got ${end}`);
    } else throw new PathError(`expected [ or . but got: ${token}`);
  }
  return found;
}

/** Points and brackets alone, what stands between them, and quoted keys with whatever is in them. */
const tokensOf = (text: string): string[] => text.match(/[.[\]]|'(?:\\.|[^'])*'?|[^.[\]][^.[\]]*/gs) ?? [];

function unquoted(token: string): string {
  if (token.length < 2 || !token.startsWith("'") || !token.endsWith("'"))
    throw new PathError(`expected single quoted string but got ${token}`);
  return token.slice(1, -1).replace(/\\(.)/gs, (whole, letter: string) => {
    const char = ESCAPES[letter];
    if (char === undefined) throw new PathError(`invalid string literal: invalid escape char ${whole}`);
    return char;
  });
}

function step(found: FieldPath, name: string): void {
  const { schema } = found;
  const missing = new PathError('does not refer to a valid field');
  if (schema === undefined) throw missing;
  if (schema.properties !== undefined && Object.keys(schema.properties).length > 0) {
    found.schema = own(schema.properties, name);
    if (found.schema === undefined) throw missing;
    found.path = at(found.path, name);
  } else if (hasAdditional(schema)) {
    found.schema = valuesSchema(schema);
    found.path = index(found.path, name);
  } else throw missing;
  found.steps.push(name);
}
