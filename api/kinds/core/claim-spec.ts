// Checks of a claim's spec, which claims and templates of claims share.
import type { PersistentVolumeClaimSpec, TypedObjectReference } from '../../gen/types/core.v1.ts';
import {
  deepEqual,
  dns1123Label,
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
  problems.push(...validateSources(spec, path));
  const attributes = spec.volumeAttributesClassName;
  if (attributes) problems.push(...texts(`${path}.volumeAttributesClassName`, attributes, dns1123Subdomain(attributes)));
  return problems;
}

function validateSources({ dataSource, dataSourceRef }: PersistentVolumeClaimSpec, path: string): Problem[] {
  const problems: Problem[] = [];
  if (dataSource) problems.push(...validateSource(dataSource, `${path}.dataSource`));
  if (dataSourceRef) problems.push(...validateSource(dataSourceRef, `${path}.dataSourceRef`));
  if (!dataSource || !dataSourceRef) return problems;
  const shown = {}; // upstream prints a path here, which has no form of its own in JSON
  if (dataSourceRef.namespace) problems.push(invalidValue(path, shown, 'may not be specified when dataSourceRef.namespace is specified'));
  else if (!deepEqual(identity(dataSource), identity(dataSourceRef))) problems.push(invalidValue(path, shown, 'must match dataSourceRef'));
  return problems;
}

const identity = ({ apiGroup, kind, name }: TypedObjectReference) => [apiGroup ?? null, kind, name];

function validateSource({ apiGroup, kind, name, namespace }: TypedObjectReference, path: string): Problem[] {
  const problems: Problem[] = [];
  if (!name) problems.push(required(`${path}.name`));
  if (!kind) problems.push(required(`${path}.kind`));
  if (!apiGroup && kind !== 'PersistentVolumeClaim')
    problems.push(invalidValue(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
  if (apiGroup) problems.push(...texts(`${path}.apiGroup`, apiGroup, dns1123Subdomain(apiGroup)));
  if (namespace) problems.push(...texts(`${path}.namespace`, namespace, dns1123Label(namespace)));
  return problems;
}
