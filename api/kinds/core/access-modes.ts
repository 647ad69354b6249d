// Access modes and classes of volumes and claims: how they are shown and checked.
import { forbiddenField, type KubeObject, notSupported, type Problem } from '../../meta/index.ts';

const SHORT: readonly (readonly [string, string])[] = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
];

/** `RWO,ROX`, always in the same order. */
export const accessModesText = (modes: readonly string[] | undefined): string =>
  SHORT.filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(',');

/** The class, as an old annotation or in the spec. */
export const volumeClass = (object: KubeObject): string =>
  object.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? object['spec']?.storageClassName ?? '';

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

export function validateAccessModes(modes: readonly string[], field: string): Problem[] {
  const problems = modes.flatMap((mode) => (ACCESS_MODES.includes(mode) ? [] : [notSupported(field, mode, ACCESS_MODES)]));
  if (modes.includes('ReadWriteOncePod') && modes.length > 1) {
    problems.push(forbiddenField(field, 'may not use ReadWriteOncePod with other access modes'));
  }
  return problems;
}
