// JSONPath as printer columns and selectable fields use it: `.a.b`, `['a']`, `[0]`, `[-1]`, `[0:2]`, `[*]`, `..a`, `[?(@.x=="y")]`, escaped dots.

type Follow = (value: unknown) => unknown[];

/** All values at `path`, read once; none when there is nothing. A path that cannot be read finds nothing. */
export function pathGetter(path: string): Follow {
  const steps = stepsOf(path);
  if (steps === undefined) return () => [];
  return (value) => steps.reduce<unknown[]>((values, step) => values.flatMap(step), [value]);
}

const isTree = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const hasField = (value: unknown, name: string): value is Record<string, unknown> =>
  isTree(value) && !Array.isArray(value) && Object.hasOwn(value, name);

const field =
  (name: string): Follow =>
  (value) =>
    hasField(value, name) ? [value[name]] : [];

const all: Follow = (value) => (isTree(value) ? Object.values(value) : []);

const item =
  (at: number): Follow =>
  (value) =>
    Array.isArray(value) && value.at(at) !== undefined ? [value.at(at)] : [];

function slice(from: string, to: string, step: string): Follow {
  const by = step === '' ? 1 : Number(step);
  return (value) =>
    Array.isArray(value) && by > 0
      ? value.slice(from === '' ? 0 : Number(from), to === '' ? undefined : Number(to)).filter((_, i) => i % by === 0)
      : [];
}

/** Everything of that name at any depth, or everything. */
function deep(name: string): Follow {
  const visit = (value: unknown): unknown[] => {
    if (!isTree(value)) return [];
    const here = name === '*' ? Object.values(value) : hasField(value, name) ? [value[name]] : [];
    return [...here, ...Object.values(value).flatMap(visit)];
  };
  return visit;
}

const compare: Readonly<Record<string, (a: unknown, b: unknown) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => (a as number) < (b as number),
  '<=': (a, b) => (a as number) <= (b as number),
  '>': (a, b) => (a as number) > (b as number),
  '>=': (a, b) => (a as number) >= (b as number),
};

function filter(path: string, operator: string | undefined, literal: unknown): Follow {
  const steps = path.split('.').map(field);
  const at = (value: unknown): unknown[] => steps.reduce<unknown[]>((values, step) => values.flatMap(step), [value]);
  const holds = (value: unknown): boolean => {
    const [found] = at(value);
    if (operator === undefined) return at(value).length > 0;
    return found !== undefined && typeof found === typeof literal && compare[operator]!(found, literal);
  };
  return (value) => (Array.isArray(value) ? value.filter(holds) : []);
}

const TOKEN =
  /\.\.(?<deep>[\w*-]+)|\.(?<plain>(?:\\.|[^.[\]\\])+)|\['(?<single>(?:[^'\\]|\\.)*)'\]|\["(?<double>(?:[^"\\]|\\.)*)"\]|\[(?<index>-?\d+)\]|\[(?<all>\*)\]|\[(?<from>-?\d*):(?<to>-?\d*)(?::(?<step>\d*))?\]|\[\?\(\s*@\.(?<path>[\w.-]+)\s*(?:(?<operator>[=!<>]=|[<>])\s*(?:"(?<text>[^"]*)"|'(?<quoted>[^']*)'|(?<word>[\w.+-]+)))?\s*\)\]/y;

function stepsOf(path: string): Follow[] | undefined {
  const text = path.replace(/^\{?\$?/, '').replace(/\}$/, '');
  const steps: Follow[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const found = TOKEN.exec(text)?.groups;
    if (!found) return undefined;
    steps.push(stepOf(found));
  }
  return steps;
}

function stepOf(found: Record<string, string | undefined>): Follow {
  const { deep: anywhere, plain, single, double, index, from, to, step, path, operator, text, quoted, word } = found;
  const name = plain ?? single ?? double;
  if (anywhere !== undefined) return deep(anywhere);
  if (found['all'] !== undefined || plain === '*') return all;
  if (name !== undefined) return field(name.replace(/\\(.)/g, '$1'));
  if (index !== undefined) return item(Number(index));
  if (path === undefined) return slice(from ?? '', to ?? '', step ?? '');
  return filter(path, operator, word === undefined ? (text ?? quoted) : literalOf(word));
}

function literalOf(word: string): unknown {
  if (word === 'true' || word === 'false') return word === 'true';
  return Number.isNaN(Number(word)) ? word : Number(word);
}
