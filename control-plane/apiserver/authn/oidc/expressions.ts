// Expressions over the claims of a token, and over the user that they make.
import {
  BOOL,
  CompileError,
  DYN,
  Environment,
  fromJson,
  listOf,
  mapOf,
  type Program,
  STRING,
  structOf,
  type Type,
  toJson,
} from '../../../../api/cel/index.ts';
import type { UserInfo } from '../../request.ts';
import type { Claims } from '../jwt.ts';

const USER = structOf(
  'kubernetes.UserInfo',
  new Map<string, Type>([
    ['username', STRING],
    ['uid', STRING],
    ['groups', listOf(STRING)],
    ['extra', mapOf(STRING, listOf(STRING))],
  ]),
);

const overClaims = new Environment({ variables: { claims: mapOf(STRING, DYN) } });
const overUser = new Environment({ variables: { user: USER } });

export interface Compiled {
  program?: Program;
  /** Why it is none. */
  problem?: string;
}

/** `dyn` may turn out to be anything: it is looked at when it is there. */
function compile(environment: Environment, source: string, kinds: readonly Type['kind'][], words: string): Compiled {
  try {
    const program = environment.compile(source);
    return [...kinds, 'dyn'].includes(program.type.kind) ? { program } : { problem: `must evaluate to ${words}` };
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return { problem: `compilation failed: ${error.message}` };
  }
}

export const textOfClaims = (source: string): Compiled => compile(overClaims, source, ['string'], 'string');
export const textsOfClaims = (source: string): Compiled => compile(overClaims, source, ['string', 'list'], 'string or list of strings');
export const truthOfClaims = (source: string): Compiled => compile(overClaims, source, [BOOL.kind], 'bool');
export const truthOfUser = (source: string): Compiled => compile(overUser, source, [BOOL.kind], 'bool');

/** @throws Error when the evaluation fails */
function run(program: Program, bindings: Record<string, unknown>): unknown {
  const outcome = program.evaluate(Object.fromEntries(Object.entries(bindings).map(([name, value]) => [name, fromJson(value)])));
  if (outcome.error) throw new Error(outcome.error.message);
  return toJson(outcome.value);
}

/** @throws Error when it fails or is no text */
export function textFrom(program: Program, claims: Claims): string {
  const value = run(program, { claims });
  if (typeof value !== 'string') throw new Error('expression does not evaluate to a string');
  return value;
}

/** None for null and ''. @throws Error when it fails or is no text and no list of texts */
export function textsFrom(program: Program, claims: Claims): string[] {
  const value = run(program, { claims });
  if (value === null || value === '') return [];
  const list = Array.isArray(value) ? value : [value];
  if (!list.every((item) => typeof item === 'string')) throw new Error('expression does not evaluate to a string or a list of strings');
  return list as string[];
}

export const holdsForClaims = (program: Program, claims: Claims): boolean => run(program, { claims }) === true;

export const holdsForUser = (program: Program, { name, uid, groups, extra }: UserInfo): boolean =>
  run(program, { user: { username: name, uid: uid ?? '', groups, extra: extra ?? {} } }) === true;
