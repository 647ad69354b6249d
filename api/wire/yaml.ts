// YAML bodies, in the dialect that Kubernetes reads (1.1: y, on and off are booleans, also as keys).
import { isScalar, LineCounter, parseAllDocuments, visit } from 'yaml';
import { integerOfBigInt, setKey } from '../meta/index.ts';

export interface ParsedYaml {
  value: unknown;
  /** `line 5: key "name" already set in map` */
  duplicates: string[];
}

/** {@link parseYaml}, or what a thread has read beforehand. */
export type YamlReader = (text: string) => ParsedYaml;

const utf8 = new TextDecoder();
const longInteger = /\d{16}/;
/** The text ends where a flow collection wants a value. */
const openFlow = /[[{,:]\s*$/;

/** Reading an entry takes some 25 µs. The longest definitions of custom resources have 30,000 lines. */
const ENTRIES_MAX = 60_000;
/** Aliases times entries: what each stands for is looked up among all entries. */
const LOOK_UPS_MAX = 1_000_000;

/** At most so many values does the text hold: lines, items of flow collections, items begun behind other items. Counts no further than `enough`. */
export function yamlEntries(text: string, enough = Number.POSITIVE_INFINITY): number {
  let count = 0;
  for (let i = 0; i < text.length && count < enough; i++) {
    const char = text[i];
    if (char === '\n' || char === ',' || char === '[' || char === '{') count++;
    else if ((char === '-' || char === '?') && text[i + 1] === ' ') count++;
  }
  return count;
}

/** Reads the first document. Throws SyntaxError with a text of the form `yaml: line 1: ...`. */
export function parseYaml(text: string, { entriesMax = ENTRIES_MAX, lookUpsMax = LOOK_UPS_MAX } = {}): ParsedYaml {
  const entries = yamlEntries(text);
  if (entries > entriesMax) throw new SyntaxError(`yaml: document has more than ${entriesMax} entries`);
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, {
    version: '1.1',
    uniqueKeys: false,
    lineCounter,
    merge: true,
    intAsBigInt: longInteger.test(text),
  });
  const document = Array.isArray(documents) ? documents[0] : undefined;
  if (!document) return { value: null, duplicates: [] };
  const error = document.errors[0];
  if (error) {
    const words = openFlow.test(text) ? 'did not find expected node content' : wordsOf(error.message);
    const line = error.linePos?.[0].line ?? 1;
    throw new SyntaxError(`yaml: ${line === 1 && words === NESTED ? '' : `line ${line}: `}${words}`);
  }
  const duplicates: string[] = [];
  let aliases = 0;
  visit(document, {
    Alias() {
      if (++aliases * entries > lookUpsMax) throw new SyntaxError('yaml: document contains excessive aliasing');
    },
    Scalar(_, scalar) {
      if (typeof scalar.value === 'number' && !Number.isFinite(scalar.value)) scalar.value = beyondDoubles(scalar.source ?? '');
    },
    Map(_, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value))
          duplicates.push(
            `line ${lineCounter.linePos(key.range?.[0] ?? 0).line}: key ${JSON.stringify(String(key.value))} already set in map`,
          );
        seen.add(key.value);
      }
    },
  });
  return { value: jsonOf(document.toJS({ maxAliasCount: 100 })), duplicates };
}

/** A number that no double holds stays text; what YAML calls infinite or no number has no form in JSON. */
function beyondDoubles(source: string): string {
  const named = /^([-+]?)\.(inf|nan)$/i.exec(source);
  if (!named) return source;
  throw new SyntaxError(`json: unsupported value: ${/nan/i.test(named[2]!) ? 'NaN' : `${named[1] || '+'}Inf`}`);
}

/** What the reference reader's scanner finds in the first line, it tells without the line. */
const NESTED = 'mapping values are not allowed in this context';

/** The reference reader's words for nested maps on a line and flow collections that do not end; ours for the rest. */
function wordsOf(message: string): string {
  if (/^Nested mappings are not allowed/.test(message)) return NESTED;
  if (/end with a \]/.test(message)) return `did not find expected ',' or ']'`;
  if (/end with a \}/.test(message)) return `did not find expected ',' or '}'`;
  return message.split('\n')[0]!.replace(/ at line \d+.*$/, '');
}

/** As JSON has it: dates become texts again, integers are held as api/meta/json.ts says. */
function jsonOf(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString().replace(/\.000Z$/, 'Z');
  if (typeof value === 'bigint') return integerOfBigInt(value);
  if (value instanceof Uint8Array) return utf8.decode(value); // !!binary stands for the text that it holds
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value !== 'object' || value === null) return value;
  const map: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) setKey(map, key, jsonOf(inner));
  return map;
}
