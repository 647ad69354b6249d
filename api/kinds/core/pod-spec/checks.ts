// Small checks that the parts of a pod spec share.
import { forbiddenField, invalidValue, type Problem, required } from '../../../meta/index.ts';

const MODE_TEXT = 'must be a number between 0 and 0777 (octal), both inclusive';

export const validateMode = (field: string, mode: number | undefined): Problem[] =>
  mode !== undefined && (mode < 0 || mode > 0o777) ? [invalidValue(field, mode, MODE_TEXT)] : [];

export const noBacksteps = (field: string, path: string): Problem[] =>
  path.split('/').includes('..') ? [invalidValue(field, path, "must not contain '..'")] : [];

/** A path below where it is used. */
export const descendingPath = (field: string, path: string): Problem[] => [
  ...(path.startsWith('/') ? [invalidValue(field, path, 'must be a relative path')] : []),
  ...noBacksteps(field, path),
];

/** ... that does not start with two dots either: those names are the volume's own. */
export const nonReservedPath = (field: string, path: string): Problem[] => [
  ...descendingPath(field, path),
  ...(path.startsWith('..') && !path.startsWith('../') ? [invalidValue(field, path, "must not start with '..'")] : []),
];

export const requiredText = (field: string, value: string | undefined): Problem[] => (value ? [] : [required(field)]);

const ID_TEXT = 'must be between 0 and 2147483647, inclusive';

/** User and group numbers. */
export const validateId = (field: string, id: number | undefined | null): Problem[] =>
  id !== undefined && id !== null && (id < 0 || id > 2147483647) ? [invalidValue(field, id, ID_TEXT)] : [];

/** The first of several exclusive members is checked, the others are refused. */
export function exclusive(present: readonly string[], path: string, what: string, check: (name: string) => Problem[]): Problem[] {
  return present.flatMap((name, at) =>
    at === 0 ? check(name) : [forbiddenField(`${path}.${name}`, `may not specify more than 1 ${what} type`)],
  );
}
