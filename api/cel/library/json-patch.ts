// Types of mutating policies: `Object{...}` of an apply configuration, `JSONPatch{...}`, and the escape of a path's keys.
import { same, traversal } from '../costs.ts';
import { declarer, type Overload } from '../declarations.ts';
import { DYN, STRING, structOf, type Type } from '../types.ts';

export const JSON_PATCH = structOf(
  'JSONPatch',
  new Map<string, Type>([
    ['op', STRING],
    ['path', STRING],
    ['from', STRING],
    ['value', DYN],
  ]),
);

/** `Object` and `Object.a.b`: any field, of any type. */
export const mutationType = (name: string): Type | undefined => {
  if (name === 'JSONPatch') return JSON_PATCH;
  return name === 'Object' || name.startsWith('Object.') ? structOf(name, () => DYN) : undefined;
};

const declare = declarer();
export const jsonPatches: readonly Overload[] = [
  declare('jsonpatch.escapeKey(string) string', (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1'), traversal(0, 1, same)),
];
