// A PATCH body: which form it has, reading it, and the same checks on its result as on any body.
import {
  apiVersionOf,
  badRequest,
  forbiddenField,
  invalid,
  invalidValue,
  type KubeObject,
  parseApiVersion,
  required,
  StatusError,
  unsupportedMediaType,
} from '../../../api/meta/index.ts';
import { checkObject, type DecodedBody, type ParsedYaml, parseJson, parseYaml } from '../../../api/wire/index.ts';
import type { Target } from '../core.ts';
import { checkCustom } from '../crd/body.ts';
import type { ApiRequest } from '../request.ts';
import type { WriteOptions } from './options.ts';

export type PatchKind = 'json' | 'merge' | 'strategic' | 'apply';

const TYPES: Readonly<Record<string, PatchKind>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

/** Throws 415. */
export function patchKind(target: Pick<Target, 'served'>, contentType: string | undefined): PatchKind {
  const media = (contentType ?? '').split(';')[0]!.trim();
  const found = TYPES[media];
  if (found === undefined && !target.served.custom) throw new StatusError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
  const offered = Object.keys(TYPES).filter((type) => !target.served.custom || TYPES[type] !== 'strategic');
  if (found === undefined || !offered.includes(media)) throw unsupportedMediaType(offered);
  return found;
}

const OPTIONS = { group: 'meta.k8s.io', kind: 'PatchOptions' };

/** An apply needs a manager, and only an apply can be forced. Throws 422. */
export function checkPatchOptions(kind: PatchKind, query: URLSearchParams): void {
  if (kind === 'apply' && !query.get('fieldManager')) throw invalid(OPTIONS, '', [required('fieldManager', 'is required for apply patch')]);
  if (kind !== 'apply' && query.get('force') !== null)
    throw invalid(OPTIONS, '', [forbiddenField('force', 'may not be specified for non-apply patch')]);
}

/** 422 that blames the patch itself. */
export const badPatch = (shown: unknown, why: string): StatusError =>
  invalid({ group: '', kind: '' }, '', [invalidValue('patch', shown, why)]);

/** Reads the body; repeated keys are told or refused as fieldValidation says. An in-process client's patch passes as it is. */
export async function patchDocument(request: ApiRequest, kind: PatchKind, options: WriteOptions): Promise<unknown> {
  const body = await request.body();
  if (!(body instanceof Uint8Array)) return body;
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  if (kind === 'apply') return applyDocument(text, options);
  let parsed: ReturnType<typeof parseJson>;
  try {
    parsed = parseJson(text);
  } catch (error) {
    throw badRequest(kind === 'strategic' ? (error as Error).message : `error decoding patch: ${(error as Error).message}`);
  }
  const problems =
    kind === 'json' ? jsonPatchProblems(parsed) : (parsed.findings?.duplicates ?? []).map(({ path }) => `duplicate field "${path}"`);
  report(request, problems, options, parsed.value);
  return parsed.value;
}

function report(request: ApiRequest, problems: readonly string[], options: WriteOptions, shown: unknown): void {
  if (problems.length === 0 || options.fieldValidation === 'Ignore') return;
  if (options.fieldValidation === 'Strict') throw badPatch(goMap(shown), `strict decoding error: ${problems.join(', ')}`);
  request.warnings.push(...problems);
}

const KNOWN = new Set(['op', 'path', 'from', 'value']);

function jsonPatchProblems({ value, findings }: ReturnType<typeof parseJson>): string[] {
  const problems = (findings?.duplicates ?? []).map(({ path }) => `json patch duplicate field "${path}"`);
  if (!Array.isArray(value)) return problems;
  value.forEach((operation, at) => {
    if (typeof operation !== 'object' || operation === null) return;
    for (const key of Object.keys(operation)) if (!KNOWN.has(key)) problems.push(`json patch unknown field "[${at}].${key}"`);
  });
  return problems;
}

/** Most clients send JSON under the name of YAML. What has keys twice is told in YAML's words. */
function jsonOf(text: string): ParsedYaml | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const { value, findings } = parseJson(text);
    return findings?.duplicates.length ? undefined : { value, duplicates: [] };
  } catch {
    return undefined;
  }
}

function applyDocument(text: string, options: WriteOptions): unknown {
  let parsed: ParsedYaml;
  try {
    parsed = jsonOf(text) ?? parseYaml(text);
  } catch (error) {
    throw badRequest(`error decoding YAML: error converting YAML to JSON: ${(error as Error).message}`);
  }
  if (parsed.duplicates.length && options.fieldValidation === 'Strict')
    throw badRequest(
      `error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  ${parsed.duplicates.join('\n  ')}`,
    );
  const { value } = parsed;
  if (Array.isArray(value) || (typeof value !== 'object' && value !== null && value !== undefined)) {
    const type = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value === 'bigint' ? 'number' : typeof value;
    throw badRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${type} into Go value of type map[string]interface {}`,
    );
  }
  return value ?? {};
}

/** A patch's result as a body: apiVersion and kind must be the same, types must fit. Throws 422 that blames the patch. */
export function checkedResult(
  target: Target,
  request: ApiRequest,
  result: KubeObject,
  old: KubeObject | undefined,
  options: WriteOptions,
  kind: PatchKind,
  shown: unknown,
): KubeObject {
  result.kind ||= target.kind.kind;
  result.apiVersion ||= old?.apiVersion ?? '';
  if (target.served.custom) checkIdentity(target, result);
  if (old && (result.kind !== old.kind || result.apiVersion !== old.apiVersion))
    throw badPatch(goMap(shown), `the kind and apiVersion of the object (${old.kind}, ${old.apiVersion}) must not be changed`);
  try {
    const body: DecodedBody = { object: result as Record<string, unknown>, format: 'json' };
    if (target.served.custom) return customResult(target, request, body, options);
    const { object, warnings } = checkObject(body, target.kind, {
      fieldValidation: options.fieldValidation,
      ...(target.schema ? { schema: target.schema } : {}),
      ...(kind === 'strategic' ? { words: 'converter' as const } : {}),
    });
    for (const warning of warnings) if (!request.warnings.includes(warning)) request.warnings.push(warning);
    object.metadata ??= {};
    return object;
  } catch (error) {
    if (!(error instanceof StatusError) || error.code !== 400) throw error;
    const why = error.message.replace(/^.*? cannot be handled as a \S+: /s, '');
    throw kind === 'apply' ? unconverted(shown as KubeObject, why) : badPatch(goMap(shown), why);
  }
}

/** A custom object must stay what it is. */
function checkIdentity({ kind, name }: Target, result: KubeObject): void {
  const wanted = { kind: kind.kind, apiVersion: apiVersionOf(kind) };
  const { group } = parseApiVersion(result.apiVersion!);
  for (const field of ['kind', 'apiVersion'] as const) {
    if (result[field] === wanted[field]) continue;
    throw invalid({ group, kind: result.kind! }, name, [invalidValue(field, result[field], `must be ${wanted[field]}`)]);
  }
}

/** What was applied fits the schema's shapes, but is no object of the kind: 500 in upstream's words. */
function unconverted({ apiVersion = '', kind, metadata }: KubeObject, why: string): StatusError {
  const version = `${apiVersion.includes('/') ? '' : '/'}${apiVersion}, Kind=${kind}`;
  const what = `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}; ${version}`;
  return new StatusError(
    500,
    '',
    `failed to convert new object (${what}) to proper version: unable to convert unstructured object to ${version}: error decoding from json: ${why}`,
  );
}

function customResult(target: Target, request: ApiRequest, body: DecodedBody, options: WriteOptions): KubeObject {
  const { object, warnings } = checkCustom(target.served, body, options.fieldValidation);
  for (const warning of warnings) if (!request.warnings.includes(warning)) request.warnings.push(warning);
  return object;
}

/** A decoded JSON value as Go prints a map: `map[a:1 b:map[c:2]]`. */
export function goMap(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goMap).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, member]) => `${key}:${goMap(member)}`).join(' ')}]`;
}
