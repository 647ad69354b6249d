// Owners that are named twice are kept once, and the client is told: so does upstream (handlers/rest.go), before and after admission.
import { deepEqual, type KubeObject } from '../../../api/meta/index.ts';

const WHEN = { sent: '', admitted: ' after mutating admission happens' } as const;

/** In place; `object` is the caller's own. Owners of one uid that differ elsewhere all stay: validation judges those. */
export function dedupeOwners({ metadata }: KubeObject, warnings: string[], when: keyof typeof WHEN): void {
  const owners = metadata.ownerReferences;
  if (owners === undefined || owners.length < 2) return;
  const kept: typeof owners = [];
  const uids = new Set<string>();
  const repeated: string[] = [];
  for (const owner of owners) {
    if (uids.has(owner.uid) && kept.some((one) => deepEqual(one, owner))) repeated.push(owner.uid);
    else kept.push(owner);
    uids.add(owner.uid);
  }
  if (repeated.length === 0) return;
  metadata.ownerReferences = kept;
  warnings.push(
    `.metadata.ownerReferences contains duplicate entries${WHEN[when]}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${repeated.join(', ')}`,
  );
}
