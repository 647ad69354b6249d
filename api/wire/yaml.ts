// YAML bodies, in the dialect that Kubernetes reads (1.1: y, on and off are booleans, also as keys).
import { isScalar, LineCounter, parseAllDocuments, visit } from 'yaml';
import { integerOfBigInt, setKey } from '../meta/index.ts';

export interface ParsedYaml {
  value: unknown;
  /** `line 5: key "name" already set in map` */
  duplicates: string[];
}

const longInteger = /\d{16}/;
/** The text ends where a flow collection wants a value. */
const openFlow = /[[{,:]\s*$/;

/** Reads the first document. Throws SyntaxError with a text of the form `yaml: line 1: ...`. */
export function parseYaml(text: string): ParsedYaml {
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
    throw new SyntaxError(`yaml: line ${error.linePos?.[0].line ?? 1}: ${words}`);
  }
  const duplicates: string[] = [];
  visit(document, {
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

/** The reference reader's words for flow collections that do not end; ours for the rest. */
function wordsOf(message: string): string {
  if (/end with a \]/.test(message)) return `did not find expected ',' or ']'`;
  if (/end with a \}/.test(message)) return `did not find expected ',' or '}'`;
  return message.split('\n')[0]!.replace(/ at line \d+.*$/, '');
}

/** As JSON has it: dates become texts again, integers are held as api/meta/json.ts says. */
function jsonOf(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString().replace(/\.000Z$/, 'Z');
  if (typeof value === 'bigint') return integerOfBigInt(value);
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value !== 'object' || value === null) return value;
  const map: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) setKey(map, key, jsonOf(inner));
  return map;
}
