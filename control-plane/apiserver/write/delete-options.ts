// DeleteOptions out of the body and the query.
import { badRequest, invalid, invalidValue, notSupported, type Problem } from '../../../api/meta/index.ts';
import { decodeObject } from '../../../api/wire/index.ts';
import type { ApiRequest } from '../request.ts';

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  orphanDependents?: boolean;
  preconditions?: { uid?: string; resourceVersion?: string };
  dryRun: boolean;
}

const POLICIES = ['Foreground', 'Background', 'Orphan'];

export async function deleteOptions(request: ApiRequest): Promise<DeleteOptions> {
  const { query } = request;
  const body = await request.body();
  let given: Record<string, unknown> = {};
  if (!(body instanceof Uint8Array)) given = body as unknown as Record<string, unknown>;
  else if (body.length > 0) {
    const wanted = { group: '', version: 'v1', kind: 'DeleteOptions' };
    given = decodeObject(body, request.headers['content-type'], wanted, { fieldValidation: 'Ignore' }).object;
  } else {
    const grace = query.get('gracePeriodSeconds');
    if (grace !== null) {
      if (!/^-?\d+$/.test(grace)) throw badRequest(`strconv.ParseInt: parsing "${grace}": invalid syntax`);
      given['gracePeriodSeconds'] = Number(grace);
    }
    if (query.get('propagationPolicy')) given['propagationPolicy'] = query.get('propagationPolicy');
    if (query.get('orphanDependents')) given['orphanDependents'] = query.get('orphanDependents') === 'true';
  }
  const dryRun = (given['dryRun'] as string[] | undefined) ?? query.getAll('dryRun');
  const options = { ...given, dryRun: dryRun.length > 0 } as unknown as DeleteOptions;
  check(options, dryRun);
  return options;
}

function check(options: DeleteOptions, dryRun: readonly string[]): void {
  const problems: Problem[] = [];
  if (options.propagationPolicy && options.orphanDependents !== undefined)
    problems.push(
      invalidValue('propagationPolicy', options.propagationPolicy, 'orphanDependents and deletionPropagation cannot be both set'),
    );
  if (options.propagationPolicy && !POLICIES.includes(options.propagationPolicy))
    problems.push(notSupported('propagationPolicy', options.propagationPolicy, [...POLICIES, 'nil']));
  if (dryRun.some((value) => value !== 'All')) problems.push(notSupported('dryRun', dryRun, ['All']));
  if (problems.length) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', problems);
}
