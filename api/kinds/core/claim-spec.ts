// Checks of a claim's spec, which claims and templates of claims share.
import type { PersistentVolumeClaimSpec } from '../../gen/types/core.v1.ts';
import {
  dns1123Subdomain,
  invalidValue,
  notSupported,
  type Problem,
  quantitySign,
  required,
  validateLabelSelector,
} from '../../meta/index.ts';
import { texts } from '../rules.ts';
import { validateAccessModes } from './access-modes.ts';

/** `path` is where the spec stands. */
export function validateClaimSpec(spec: PersistentVolumeClaimSpec, path: string): Problem[] {
  const problems: Problem[] = [];
  if (!spec.accessModes?.length) problems.push(required(`${path}.accessModes`, 'at least 1 access mode is required'));
  if (spec.selector) problems.push(...validateLabelSelector(spec.selector as never, `${path}.selector`));
  problems.push(...validateAccessModes(spec.accessModes ?? [], `${path}.accessModes`));
  const storage = spec.resources?.requests?.['storage'];
  if (storage === undefined) problems.push(required(`${path}.resources[storage]`));
  else if (quantitySign(storage) <= 0) problems.push(invalidValue(`${path}.resources[storage]`, storage, 'must be greater than zero'));
  if (spec.storageClassName)
    problems.push(...texts(`${path}.storageClassName`, spec.storageClassName, dns1123Subdomain(spec.storageClassName)));
  const modes = ['Block', 'Filesystem'];
  if (spec.volumeMode !== undefined && !modes.includes(spec.volumeMode))
    problems.push(notSupported(`${path}.volumeMode`, spec.volumeMode, modes));
  return problems;
}
