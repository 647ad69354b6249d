// The PersistentVolumeClaim kind.
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../gen/types/core.v1.ts';
import { compareQuantities, deepCopy, deepEqual, forbiddenField, type KubeObject, type Problem } from '../../meta/index.ts';
import { ageColumn, nameColumn, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { accessModesText, volumeClass } from './access-modes.ts';
import { validateClaimSpec } from './claim-spec.ts';
import { goDiff } from './go-diff.ts';
import { roundResources } from './resources.ts';

const claimOf = (object: KubeObject): PersistentVolumeClaim => object as unknown as PersistentVolumeClaim;
const specOf = (object: KubeObject): PersistentVolumeClaimSpec => ((object as { spec?: PersistentVolumeClaimSpec }).spec ??= {});

/** dataSource knew claims and snapshots only: other kinds there are nothing, unless the claim has a source already or says the newer form too. */
function dropUnknownSource(spec: PersistentVolumeClaimSpec, before: PersistentVolumeClaimSpec | undefined): void {
  if (spec.dataSourceRef?.namespace && !before?.dataSourceRef) delete spec.dataSourceRef; // across namespaces: not on by default
  if (before?.dataSource || before?.dataSourceRef || spec.dataSourceRef) return;
  const { apiGroup = '', kind = '' } = spec.dataSource ?? {};
  if (!OLD_SOURCES.has(`${apiGroup ?? ''}/${kind}`)) delete spec.dataSource;
}

const OLD_SOURCES = new Set(['/PersistentVolumeClaim', 'snapshot.storage.k8s.io/VolumeSnapshot']);

/** dataSource is the older, narrower form of dataSourceRef; each fills in the other. */
function joinSources(spec: PersistentVolumeClaimSpec): void {
  const { dataSource, dataSourceRef } = spec;
  if (dataSource && !dataSourceRef) spec.dataSourceRef = { ...dataSource };
  else if (dataSourceRef && !dataSource && !dataSourceRef.namespace) {
    const { apiGroup, kind, name } = dataSourceRef;
    spec.dataSource = { ...(apiGroup === undefined ? {} : { apiGroup }), kind, name };
  }
}

/** A bound claim may only grow, and change its attributes class. */
function validateKept(claim: PersistentVolumeClaim, before: PersistentVolumeClaim): Problem[] {
  const problems: Problem[] = [];
  const now = deepCopy(claim.spec ?? {});
  const old = before.spec ?? {};
  // The volume may be set by the one who binds; a default class may be added later.
  if (!old.volumeName && now.volumeName) delete now.volumeName;
  const compared = deepCopy(old);
  if (old.storageClassName === undefined && now.storageClassName !== undefined) delete now.storageClassName;
  const wanted = now.resources?.requests?.['storage'];
  const had = old.resources?.requests?.['storage'];
  const bound = before.status?.phase === 'Bound';
  if (bound && wanted !== undefined && had !== undefined) {
    now.resources!.requests!['storage'] = had;
    const size = before.status?.capacity?.['storage'];
    if (compareQuantities(wanted, had) < 0 && (size === undefined || compareQuantities(wanted, size) <= 0)) {
      problems.push(forbiddenField('spec.resources.requests.storage', 'field can not be less than status.capacity'));
    }
  }
  if (bound || now.volumeAttributesClassName) for (const spec of [now, compared]) delete spec.volumeAttributesClassName;
  if (!deepEqual(now, compared)) {
    const why = 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
    problems.unshift(forbiddenField('spec', `${why}\n${goDiff(compared, now, 'PersistentVolumeClaimSpec')}`));
  }
  return problems;
}

export const persistentVolumeClaim: Behaviour = {
  defaults(object) {
    const spec = specOf(object);
    spec.volumeMode ??= 'Filesystem';
    roundResources(spec.resources?.requests);
    roundResources(spec.resources?.limits);
    const status = (object['status'] ??= {});
    status.phase ||= 'Pending';
    roundResources(status.capacity);
  },
  prepareForCreate(object) {
    object['status'] = { phase: 'Pending' };
    dropUnknownSource(specOf(object), undefined);
    joinSources(specOf(object));
  },
  prepareForUpdate(object, old) {
    object['status'] = old['status'];
    dropUnknownSource(specOf(object), claimOf(old).spec);
    joinSources(specOf(object));
  },
  validate: (object) => validateClaimSpec(specOf(object), 'spec'),
  validateUpdate: (object, old) => validateKept(claimOf(object), claimOf(old)),
  hasGeneration: false,
  fieldSelectors: { name: (object) => object.metadata.name ?? '' },
  columns: [
    nameColumn,
    string('Status', (object) => (object.metadata.deletionTimestamp ? 'Terminating' : (object['status']?.phase ?? ''))),
    string('Volume', (object) => object['spec']?.volumeName ?? ''),
    string('Capacity', (object) => (object['spec']?.volumeName ? (object['status']?.capacity?.storage ?? '0') : '')),
    string('Access Modes', (object) => (object['spec']?.volumeName ? accessModesText(object['status']?.accessModes) : '')),
    string('StorageClass', volumeClass),
    string('VolumeAttributesClass', (object) => object['spec']?.volumeAttributesClassName ?? '<unset>'),
    ageColumn,
    string('VolumeMode', (object) => object['spec']?.volumeMode ?? '<unset>', true),
  ],
};
