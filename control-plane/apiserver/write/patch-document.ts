// A PATCH body: which form it has, reading it, and the same checks on its result as on any body.
import {
  apiVersionOf,
  badRequest,
  forbiddenField,
  goJson,
  goMap,
  internalError,
  invalid,
  invalidValue,
  type KubeObject,
  parseApiVersion,
  required,
  StatusError,
  setKey,
  unsupportedMediaType,
} from '../../../api/meta/index.ts';
import { checkKind, checkObject, type DecodedBody, type ParsedYaml, parseJson, type YamlReader } from '../../../api/wire/index.ts';
import type { Target } from '../core.ts';
import { checkCustom } from '../crd/body.ts';
import type { ApiRequest } from '../request.ts';
import type { WriteOptions } from './options.ts';
import { yamlReader } from './yaml-reader.ts';

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
const badPatch = (shown: unknown, why: string): StatusError => invalid({ group: '', kind: '' }, '', [invalidValue('patch', shown, why)]);

export interface PatchDocument {
  value: unknown;
  /** Repeated and unknown keys of the patch itself: for {@link checkedResult}, which tells them together with those of the result. */
  problems: readonly string[];
}

/** Reads the body. An in-process client's patch passes as it is. Throws 400. */
export async function patchDocument(request: ApiRequest, kind: PatchKind, options: WriteOptions): Promise<PatchDocument> {
  const body = await request.body();
  if (!(body instanceof Uint8Array)) return { value: body, problems: [] };
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  if (kind === 'apply') return { value: applyDocument(text, options, await yamlReader(request, body)), problems: [] };
  const decoding = (why: string): StatusError => badRequest(kind === 'strategic' ? why : `error decoding patch: ${why}`);
  let parsed: ReturnType<typeof parseJson>;
  try {
    parsed = parseJson(text);
  } catch (error) {
    throw decoding((error as Error).message);
  }
  const huge = parsed.findings?.overflow;
  if (huge !== undefined) {
    const into = kind === 'json' ? 'struct field jsonPatchOp.value' : 'value';
    throw decoding(`json: cannot unmarshal number ${huge} into Go ${into} of type float64`);
  }
  const problems =
    kind === 'json' ? jsonPatchProblems(parsed) : (parsed.findings?.duplicates ?? []).map(({ path }) => `duplicate field "${path}"`);
  return { value: parsed.value, problems };
}

const KNOWN = new Set(['op', 'path', 'from', 'value']);

/** In the order in which Go meets them. */
function jsonPatchProblems({ value, findings }: ReturnType<typeof parseJson>): string[] {
  const problems = (findings?.duplicates ?? []).map(({ path, offset }) => ({ text: `json patch duplicate field "${path}"`, offset }));
  if (!Array.isArray(value)) return problems.map(({ text }) => text);
  value.forEach((operation, at) => {
    if (typeof operation !== 'object' || operation === null) return;
    for (const key of Object.keys(operation)) {
      const path = `[${at}].${key}`;
      if (!KNOWN.has(key)) problems.push({ text: `json patch unknown field "${path}"`, offset: findings?.offsets.get(path) ?? 0 });
    }
  });
  return problems.sort((a, b) => a.offset - b.offset).map(({ text }) => text);
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

function applyDocument(text: string, options: WriteOptions, readYaml: YamlReader): unknown {
  let parsed: ParsedYaml;
  try {
    parsed = jsonOf(text) ?? readYaml(text);
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

/** What a patch was and what it made. */
export interface PatchResult {
  kind: PatchKind;
  document: PatchDocument;
  result: KubeObject;
}

/** What findings show: the object that came out as JSON, but for a strategic merge or an apply the patch, as Go prints maps. */
const shownOf = ({ kind, document, result }: PatchResult): string =>
  kind === 'json' || kind === 'merge' ? goJson(sorted(result)) : goMap(document.value);

/** A patch's result as a body: apiVersion and kind must be the same, types must fit. Throws 422 that blames the patch. */
export function checkedResult(target: Target, request: ApiRequest, patch: PatchResult, options: WriteOptions): KubeObject {
  const { kind, result } = patch;
  const problems = options.fieldValidation === 'Ignore' ? [] : patch.document.problems;
  const fail = (why: string): StatusError => badPatch(shownOf(patch), why);
  if (target.served.custom && kind !== 'apply') checkNamed(result, fail);
  identify(target, result, kind);
  if (target.served.custom) checkIdentity(target, result);
  try {
    if (!target.served.custom) checkKind(result as Named, target.kind);
    const { object, warnings } = typedResult(target, result, options, kind);
    if (problems.length > 0 && options.fieldValidation === 'Strict') throw fail(`${STRICT}${problems.join(', ')}`);
    for (const warning of [...problems, ...warnings.toSorted()]) if (!request.warnings.includes(warning)) request.warnings.push(warning);
    object.metadata ??= {};
    return object;
  } catch (error) {
    if (!(error instanceof StatusError) || error.code !== 400) throw error;
    const why = error.message.replace(/^.*? cannot be handled as a \S+: /s, '');
    if (kind === 'apply') throw unconverted(patch.document.value as KubeObject, why);
    throw fail(why.startsWith(STRICT) ? `${STRICT}${[...problems, ...separate(why.slice(STRICT.length))].join(', ')}` : why);
  }
}

const STRICT = 'strict decoding error: ';

/** By path: a patched object's keys are read in their order, wherever the patch put them. */
const separate = (findings: string): string[] => findings.split(/, (?=unknown field )/).sort();

function typedResult(target: Target, result: KubeObject, { fieldValidation }: WriteOptions, kind: PatchKind) {
  const body: DecodedBody = { object: result as Record<string, unknown>, format: 'json' };
  if (target.served.custom) return checkCustom(target.served, body, fieldValidation, kind === 'apply');
  return checkObject(body, target.kind, {
    fieldValidation,
    ...(target.schema ? { schema: target.schema } : {}),
    ...(kind === 'strategic' ? { words: 'converter' as const } : {}),
  });
}

type Named = { apiVersion: string; kind: string };

/** A result without names is one of the target's kind; a strategic merge into a built-in kind leaves its names alone. */
function identify({ kind, served }: Target, result: KubeObject, patch: PatchKind): void {
  const keeps = (value: unknown): boolean => Boolean(value) && (patch !== 'strategic' || served.custom || typeof value !== 'string');
  if (!keeps(result.kind)) result.kind = kind.kind;
  if (!keeps(result.apiVersion)) result.apiVersion = apiVersionOf(kind);
}

/** A custom object that lost its kind is read as nobody's; one without an apiVersion gets one step further. Throws 422, 500. */
function checkNamed(result: KubeObject, fail: (why: string) => StatusError): void {
  if (Array.isArray(result)) {
    const into = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
    throw fail(`couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type ${into}`);
  }
  if (!result.kind) throw fail(`Object 'Kind' is missing in '${goJson(sorted(result))}'`);
  if (!result.apiVersion) throw internalError(`Object 'apiVersion' is missing in 'object has no apiVersion field'`);
}

/** Keys by name at every level, as Go writes maps. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const map: Record<string, unknown> = {};
  for (const key of Object.keys(value).sort()) setKey(map, key, sorted((value as Record<string, unknown>)[key]));
  return map;
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
