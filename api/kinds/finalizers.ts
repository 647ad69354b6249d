// Names of finalizers: the API's own three, or qualified by a domain.
import { invalidValue, type Problem } from '../meta/index.ts';

const STANDARD = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** What is wrong with a well-formed name without a domain. */
export const validateFinalizerName = (name: string, field: string): Problem[] =>
  name.includes('/') || STANDARD.has(name)
    ? []
    : [invalidValue(field, name, 'name is neither a standard finalizer name nor is it fully qualified')];

/** Of metadata, for built-in kinds; custom resources (and the kinds that make them) may have any name. */
export const validateFinalizerNames = (finalizers: readonly string[] | undefined): Problem[] =>
  (finalizers ?? []).flatMap((name, at) => validateFinalizerName(name, `metadata.finalizers[${at}]`));
