// Regular expressions with RE2's syntax and linear time: matches, find, findAll.
import { RE2JS } from 're2js';
import { regex } from '../costs.ts';
import { declarer, type Overload } from '../declarations.ts';
import { CelError } from '../problems.ts';
import { list } from '../values.ts';

const declare = declarer();
const standard = declarer({}, true);
const COMPILED_MAX = 500;
const compiled = new Map<string, RE2JS>();

/** The least recently used of many patterns are forgotten. Throws CelError. */
export function compilePattern(pattern: string): RE2JS {
  let found = compiled.get(pattern);
  if (found) compiled.delete(pattern);
  else {
    try {
      found = RE2JS.compile(pattern);
    } catch (error) {
      throw new CelError(error instanceof Error ? error.message : String(error));
    }
    if (compiled.size >= COMPILED_MAX) compiled.delete(compiled.keys().next().value!);
  }
  compiled.set(pattern, found);
  return found;
}

/** Kubernetes' own functions say so when a pattern is none. */
function legal(pattern: string): RE2JS {
  try {
    return compilePattern(pattern);
  } catch (error) {
    throw new CelError(`Illegal regex: ${(error as Error).message}`);
  }
}

function find(text: string, pattern: string): string {
  const matcher = legal(pattern).matcher(text);
  return matcher.find() ? matcher.group()! : '';
}

function findAll(text: string, pattern: string, limit = -1n): string[] {
  const matcher = legal(pattern).matcher(text);
  const found: string[] = [];
  while ((limit < 0n || found.length < limit) && matcher.find()) found.push(matcher.group()!);
  return found;
}

const matches = (text: string, pattern: string): boolean => compilePattern(pattern).matcher(text).find();

export const regexes: readonly Overload[] = [
  standard('matches(string, string) bool', matches, regex()),
  standard('string::matches(string) bool', matches, regex()),
  declare(
    'string::find(string) string',
    find,
    regex((size) => ({ min: 0, max: size.max })),
  ),
  declare(
    'string::findAll(string) list<string>',
    (text: string, pattern: string) => list(findAll(text, pattern)),
    regex((size) => ({ min: 0, max: size.max })),
  ),
  declare(
    'string::findAll(string, int) list<string>',
    (text: string, pattern: string, limit: bigint) => list(findAll(text, pattern, limit)),
    regex((size) => ({ min: 0, max: size.max })),
  ),
];
