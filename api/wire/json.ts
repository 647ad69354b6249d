// JSON bodies: JSON.parse where it is enough, the careful reader where it is not.
import { countKeys, type JsonFindings, keysIn, scanJson } from '../meta/index.ts';

/** A parsed body. `findings` is there only when the text had duplicate keys or unusual numbers. */
export interface ParsedBody {
  value: unknown;
  findings?: JsonFindings;
}

/** Throws SyntaxError with Go's text when the text is no JSON. */
export function parseJson(text: string): ParsedBody {
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
