// The ServiceAccount kind.

import type { KubeObject } from '../../meta/index.ts';
import { ageColumn, nameColumn } from '../columns.ts';
import type { Behaviour } from '../kind.ts';

/** Of a secret's reference only the name is kept. */
function nameSecrets(object: KubeObject): void {
  if (!object['secrets']) return;
  object['secrets'] = object['secrets'].map(({ name }: { name?: string }) => (name === undefined ? {} : { name }));
}

export const serviceAccount: Behaviour = {
  prepareForCreate: nameSecrets,
  prepareForUpdate: nameSecrets,
  columns: [nameColumn, ageColumn],
};
