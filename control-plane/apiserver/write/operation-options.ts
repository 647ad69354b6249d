// The options of a write as an object, for those who are asked about it (webhooks, policies).
import type { Attributes } from '../request.ts';

const KINDS = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions' } as const;

/** A patch counts as what it does: its options are told as those of a create or an update. */
export function operationOptions(
  operation: Attributes['operation'],
  query: URLSearchParams,
  deletion: object | undefined,
): Record<string, unknown> | undefined {
  if (operation === 'CONNECT') return undefined;
  const options: Record<string, unknown> = { kind: KINDS[operation], apiVersion: 'meta.k8s.io/v1' };
  if (deletion !== undefined) {
    const { dryRun, ...rest } = deletion as { dryRun?: boolean };
    return { ...rest, ...options, ...(dryRun ? { dryRun: ['All'] } : {}) };
  }
  const dryRun = query.getAll('dryRun');
  if (dryRun.length > 0) options['dryRun'] = dryRun;
  for (const name of operation === 'DELETE' ? [] : ['fieldManager', 'fieldValidation']) {
    const value = query.get(name);
    if (value) options[name] = value;
  }
  return options;
}
