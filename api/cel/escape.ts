// Names of properties as identifiers: `a-b` is `a__dash__b`, `namespace` is `__namespace__` (apiserver/pkg/cel/escaping.go).

const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);
const PARTS: Readonly<Record<string, string>> = { __: '__underscores__', '.': '__dot__', '-': '__dash__', '/': '__slash__' };

/** Properties named as reserved words may also be selected by their plain name: after a dot they are no words of the language. */
export const selectable = (name: string): string => (RESERVED.has(name) ? `__${name}__` : name);

/** Undefined: no expression can name the property. */
export function escapeName(name: string): string | undefined {
  if (RESERVED.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_.\-/][A-Za-z0-9_.\-/]*$/.test(name)) return undefined;
  return name.replace(/__|[.\-/]/g, (part) => PARTS[part]!);
}
