// JSON bodies: JSON.parse where it is enough, the careful reader where it is not.
import { countKeys, type JsonFindings, keysIn, scanJson, setKey } from '../meta/index.ts';

/** A parsed body. `findings` is there only when the text had duplicate keys or unusual numbers. */
export interface ParsedBody {
  value: unknown;
  findings?: JsonFindings;
}

/** Half of a pair that may stand alone, as an escape: Go reads such a half as U+FFFD. */
const surrogate = /\\u[dD][89a-fA-F]/;

/** Throws SyntaxError with Go's text when the text is no JSON. */
export function parseJson(text: string): ParsedBody {
  let parsed: ParsedBody;
  try {
    parsed = parse(text);
  } catch (error) {
    throw error instanceof RangeError ? new SyntaxError('exceeded max depth') : error; // the stack's end
  }
  return surrogate.test(text) ? { ...parsed, value: wellFormed(parsed.value) } : parsed;
}

function parse(text: string): ParsedBody {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const findings = scanJson(text);
    return { value: findings.value, findings };
  }
  const { keys, oddNumbers } = countKeys(text);
  if (!oddNumbers && keysIn(value) === keys) return { value };
  const findings = scanJson(text);
  return { value: findings.value, findings };
}

/** In place: findings know the value's objects. */
function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) for (const [at, item] of value.entries()) value[at] = wellFormed(item);
  else if (typeof value === 'object' && value !== null) {
    const map = value as Record<string, unknown>;
    for (const key of Object.keys(map)) {
      const member = wellFormed(map[key]);
      const name = key.toWellFormed();
      if (name !== key) delete map[key];
      setKey(map, name, member);
    }
  }
  return value;
}
