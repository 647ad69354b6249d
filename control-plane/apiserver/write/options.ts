// Query options of writes: dryRun, fieldManager, fieldValidation.
import { invalid, notSupported, type Problem, validateFieldManager } from '../../../api/meta/index.ts';
import type { FieldValidation } from '../../../api/wire/index.ts';
import type { ApiRequest } from '../request.ts';

export interface WriteOptions {
  dryRun: boolean;
  /** fieldManager, or the user agent up to the first slash. */
  manager: string;
  fieldValidation: FieldValidation;
}

/** `kind` is the options' kind that errors name, e.g. CreateOptions. Throws 422. */
export function writeOptions(
  request: ApiRequest,
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions' | 'DeleteOptions',
): WriteOptions {
  const { query } = request;
  const problems: Problem[] = [];
  const dryRun = query.getAll('dryRun');
  if (dryRun.some((value) => value !== 'All')) problems.push(notSupported('dryRun', dryRun, ['All']));
  const manager = query.get('fieldManager');
  if (manager) problems.push(...validateFieldManager(manager, 'fieldManager'));
  const validation = query.get('fieldValidation') || 'Warn';
  if (!['Ignore', 'Warn', 'Strict'].includes(validation))
    problems.push(notSupported('fieldValidation', validation, ['', 'Ignore', 'Strict', 'Warn']));
  if (problems.length) throw invalid({ group: 'meta.k8s.io', kind }, '', problems);
  return {
    dryRun: dryRun.length > 0,
    manager: manager || agentOf(request.headers['user-agent']),
    fieldValidation: validation as FieldValidation,
  };
}

const agentOf = (agent: string | undefined): string => (agent ?? '').split('/')[0]!.slice(0, 128) || 'unknown';
