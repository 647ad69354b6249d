// DeleteOptions out of the body and the query.
import { badRequest, integerOf, invalid, invalidValue, notSupported, type Problem } from '../../../api/meta/index.ts';
import { checkObject, decodeBody, type YamlReader } from '../../../api/wire/index.ts';
import type { ApiRequest } from '../request.ts';
import { yamlReader } from './yaml-reader.ts';

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
    given = decodeOptions(body, request.headers['content-type'], await yamlReader(request, body));
  } else {
    const grace = query.get('gracePeriodSeconds');
    if (grace !== null) {
      if (!/^-?\d+$/.test(grace)) throw badRequest(`strconv.ParseInt: parsing "${grace}": invalid syntax`);
      given['gracePeriodSeconds'] = integerOf(grace);
    }
    if (query.get('propagationPolicy')) given['propagationPolicy'] = query.get('propagationPolicy');
    if (query.get('orphanDependents')) given['orphanDependents'] = query.get('orphanDependents') === 'true';
  }
  const dryRun = (given['dryRun'] as string[] | undefined) ?? query.getAll('dryRun');
  const options = { ...given, dryRun: dryRun.length > 0 } as unknown as DeleteOptions;
  check(options, dryRun);
  return options;
}

const SCHEME = 'k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27';

/** Any group's DeleteOptions will do. Throws 400. */
function decodeOptions(bytes: Uint8Array, contentType: string | undefined, readYaml: YamlReader): Record<string, unknown> {
  const body = decodeBody(bytes, contentType, undefined, readYaml);
  const { kind = 'DeleteOptions', apiVersion = 'v1' } = body.object as { kind?: string; apiVersion?: string };
  if (kind !== 'DeleteOptions') throw badRequest(`no kind "${kind}" is registered for version "${apiVersion}" in scheme "${SCHEME}"`);
  const wanted = { group: '', version: 'v1', kind: 'DeleteOptions' };
  return checkObject({ ...body, object: { ...body.object, kind, apiVersion: 'v1' } }, wanted, { fieldValidation: 'Ignore' }).object;
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
