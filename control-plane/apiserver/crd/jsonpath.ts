// The part of JSONPath that printer columns and selectable fields use: `.a.b`, `['a']`, `[0]`, `[*]`, `[?(@.x=="y")]`, escaped dots.

type Step = { key: string } | { index: number } | { all: true } | { filter: { path: string[]; equals: string } };

const compiled = new Map<string, Step[]>();

/** All values at `path`; none when there is nothing or the path is not understood. */
export function valuesAt(object: unknown, path: string): unknown[] {
  let steps = compiled.get(path);
  if (steps === undefined) {
    if (compiled.size > 2000) compiled.clear();
    compiled.set(path, (steps = stepsOf(path)));
  }
  return steps.reduce<unknown[]>((values, step) => values.flatMap((value) => follow(value, step)), [object]);
}

function follow(value: unknown, step: Step): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('all' in step) return Object.values(value);
  if ('index' in step) return Array.isArray(value) && value.at(step.index) !== undefined ? [value.at(step.index)] : [];
  if ('filter' in step) {
    if (!Array.isArray(value)) return [];
    const { path, equals } = step.filter;
    return value.filter(
      (item) => String(path.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], item)) === equals,
    );
  }
  return Object.hasOwn(value, step.key) ? [(value as Record<string, unknown>)[step.key]] : [];
}

const TOKEN =
  /\.((?:\\.|[^.[\]\\])+)|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]|\[(-?\d+)\]|\[\*\]|\.\*|\[\?\(\s*@\.([\w.]+)\s*==\s*(?:"([^"]*)"|'([^']*)'|([\w.]+))\s*\)\]/y;

function stepsOf(path: string): Step[] {
  const text = path.replace(/^\{?\$?/, '').replace(/\}$/, '');
  const steps: Step[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const found = TOKEN.exec(text);
    if (!found) return [{ key: '\u0000' }];
    const [whole, plain, single, double, index, filterPath, a, b, c] = found;
    const key = plain ?? single ?? double;
    if (whole === '[*]' || whole === '.*' || key === '*') steps.push({ all: true });
    else if (key !== undefined) steps.push({ key: key.replace(/\\(.)/g, '$1') });
    else if (index !== undefined) steps.push({ index: Number(index) });
    else steps.push({ filter: { path: filterPath!.split('.'), equals: a ?? b ?? c ?? '' } });
  }
  return steps;
}
