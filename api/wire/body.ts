// A request's body to an object of the kind that the path asks for, with the server's texts for everything that can be wrong.
import { definitionName, schemaOf } from '../gen/index.ts';
import type { JsonFindings } from '../meta/index.ts';
import { apiVersionOf, badRequest, type GroupVersionKind, type KubeObject, type Schema, unsupportedMediaType } from '../meta/index.ts';
import { type Checked, type CheckOptions, checkFields, DecodeError } from './check.ts';
import { parseJson } from './json.ts';
import { decodeEnvelope, hasMagic, openEnvelope, PROTOBUF } from './protobuf/envelope.ts';
import { parseYaml, type YamlReader } from './yaml.ts';

export type BodyFormat = 'json' | 'yaml' | 'protobuf';

/** Of fieldValidation; the server's default is Warn. */
export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

/** A parsed body whose apiVersion and kind are read, but whose fields are not yet looked at. */
export interface DecodedBody {
  object: Record<string, unknown>;
  format: BodyFormat;
  findings?: JsonFindings;
  /** Repeated keys of a YAML body, in its reader's words. */
  yamlDuplicates?: string[];
}

const ACCEPTED = ['application/json', 'application/yaml', PROTOBUF];
const TYPE_META = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
/** A byte order mark is no part of JSON. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Format of a Content-Type header; absent means JSON. Throws 415. */
function bodyFormat(contentType: string | undefined): BodyFormat {
  const media = (contentType ?? '').split(';')[0]!.trim().toLowerCase();
  if (media === '' || media === 'application/json') return 'json';
  if (media === 'application/yaml') return 'yaml';
  if (media === PROTOBUF) return 'protobuf';
  throw unsupportedMediaType(ACCEPTED);
}

/** Parses bytes. Throws 415 for the media type, 400 for the rest; `wanted` is the kind that errors name. */
export function decodeBody(
  bytes: Uint8Array,
  contentType: string | undefined,
  wanted?: string,
  readYaml: YamlReader = parseYaml,
): DecodedBody {
  const format = bodyFormat(contentType);
  try {
    const body = format === 'protobuf' ? protobufBody(bytes) : textBody(utf8.decode(bytes), format, readYaml);
    checkVersion(body.object['apiVersion']);
    return body;
  } catch (error) {
    const why = (error as Error).message;
    throw badRequest(
      wanted === undefined ? why : `the object provided is unrecognized (must be of type ${wanted}): ${why} (${dump(bytes)})`,
    );
  }
}

function textBody(text: string, format: 'json' | 'yaml', readYaml: YamlReader): DecodedBody {
  if (format === 'yaml' && !/^\s*[{[]/.test(text)) {
    const { value, duplicates } = readYaml(text);
    return { object: objectOf(value), format, ...(duplicates.length ? { yamlDuplicates: duplicates } : {}) };
  }
  try {
    const { value, findings } = parseJson(text);
    return { object: objectOf(value), format, ...(findings ? { findings } : {}) };
  } catch (error) {
    if (format === 'yaml') return { object: objectOf(readYaml(text).value), format };
    throw error instanceof TypeMetaError ? error : new Error(`couldn't get version/kind; json parse error: ${(error as Error).message}`);
  }
}

class TypeMetaError extends Error {}

function objectOf(value: unknown): Record<string, unknown> {
  if (value === null || value === undefined) return {};
  const wrong = (found: string, into: string): TypeMetaError =>
    new TypeMetaError(`couldn't get version/kind; json parse error: json: cannot unmarshal ${found} into Go ${into}`);
  const typeName = (one: unknown): string =>
    Array.isArray(one) ? 'array' : typeof one === 'boolean' ? 'bool' : typeof one === 'bigint' ? 'number' : typeof one;
  if (typeof value !== 'object' || Array.isArray(value)) throw wrong(typeName(value), `value of type ${TYPE_META}`);
  const object = value as Record<string, unknown>;
  for (const key of ['apiVersion', 'kind']) {
    const found = object[key];
    if (found === null) delete object[key];
    else if (found !== undefined && typeof found !== 'string') throw wrong(typeName(found), `struct field .${key} of type string`);
  }
  return object;
}

function protobufBody(bytes: Uint8Array): DecodedBody {
  if (!hasMagic(bytes)) throw new Error('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  const envelope = openEnvelope(bytes);
  const object = decodeEnvelope(envelope);
  return { object: object ?? { apiVersion: envelope.apiVersion, kind: envelope.kind }, format: 'protobuf' };
}

function checkVersion(apiVersion: unknown): void {
  if (typeof apiVersion === 'string' && apiVersion.split('/').length > 2) throw new Error(`unexpected GroupVersion string: ${apiVersion}`);
}

/** The head of a body in an error: text when it looks like an object, hexadecimal otherwise. */
function dump(bytes: Uint8Array): string {
  if (bytes.length === 0) return '<empty>';
  const head = bytes.subarray(0, 30);
  const more = bytes.length > 30 ? ' ...' : '';
  return (bytes[0] === 0x7b ? utf8.decode(head) : Buffer.from(head).toString('hex')) + more;
}

export interface DecodeOptions {
  fieldValidation?: FieldValidation;
  /** The kind's structure; default: the built-in one of `wanted`. */
  schema?: Schema;
  /** As in {@link CheckOptions}. */
  words?: CheckOptions['words'];
  /** As in {@link decodeBody}. */
  readYaml?: YamlReader;
}

/**
 * The body as an object of `wanted`: missing apiVersion and kind are filled in, unknown fields dropped.
 * `warnings` are texts for Warning headers (fieldValidation Warn, the default). Throws StatusError 400 or 415.
 */
export function decodeObject(
  bytes: Uint8Array,
  contentType: string | undefined,
  wanted: GroupVersionKind,
  options: DecodeOptions = {},
): { object: KubeObject; warnings: string[] } {
  const body = decodeBody(bytes, contentType, wanted.kind, options.readYaml);
  body.object['apiVersion'] ||= apiVersionOf(wanted);
  body.object['kind'] ||= wanted.kind;
  checkKind(body.object as { apiVersion: string; kind: string }, wanted);
  return checkObject(body, wanted, options);
}

const unhandled = (object: { apiVersion: string; kind: string }, wanted: GroupVersionKind, why: string) => {
  const version = object.apiVersion.slice(object.apiVersion.indexOf('/') + 1);
  return badRequest(`${object.kind} in version ${JSON.stringify(version)} cannot be handled as a ${wanted.kind}: ${why}`);
};

/** Known to the server in a version that it does not serve any more. */
const REGISTERED = new Set(['apiextensions.k8s.io/v1beta1 CustomResourceDefinition']);

/** Throws 400 in upstream's words when a body is no `wanted`. */
export function checkKind(object: { apiVersion: string; kind: string }, wanted: GroupVersionKind): void {
  const { apiVersion, kind } = object;
  if (apiVersion === apiVersionOf(wanted) && kind === wanted.kind) return;
  const slash = apiVersion.indexOf('/');
  const gvk = { group: slash < 0 ? '' : apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1), kind };
  if (definitionName(gvk) === undefined && !REGISTERED.has(`${apiVersion} ${kind}`)) {
    throw unhandled(
      object,
      wanted,
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/api/legacyscheme/scheme.go:30"`,
    );
  }
  if (kind === wanted.kind && gvk.group === wanted.group) {
    throw badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${apiVersionOf(wanted)})`);
  }
  const internal = wanted.group === '' ? 'core' : wanted.group.split('.')[0];
  throw unhandled(object, wanted, `converting (${gvk.version}.${kind}) to (${internal}.${wanted.kind}): unknown conversion`);
}

/** The second half of {@link decodeObject}: the fields of a parsed body, also of one that a patch made. */
export function checkObject(
  body: DecodedBody,
  wanted: GroupVersionKind,
  options: DecodeOptions = {},
): { object: KubeObject; warnings: string[] } {
  const { fieldValidation = 'Warn' } = options;
  const schema = options.schema ?? schemaOf(wanted);
  if (!schema) throw new Error(`no schema of ${wanted.kind}`);
  const named = body.object as { apiVersion: string; kind: string };
  const checked = checkedOr(body, schema, wanted, options.words, (why) => unhandled(named, wanted, why));
  if (fieldValidation === 'Ignore') return { object: checked.object as KubeObject, warnings: [] };
  const problems = strictProblems(body, checked);
  if (problems.length && fieldValidation === 'Strict') {
    const yaml = body.yamlDuplicates?.length ? [`yaml: unmarshal errors:\n  ${body.yamlDuplicates.join('\n  ')}`] : [];
    throw unhandled(named, wanted, `strict decoding error: ${[...yaml, ...problems.slice(body.yamlDuplicates?.length ?? 0)].join(', ')}`);
  }
  return { object: checked.object as KubeObject, warnings: problems };
}

function checkedOr(
  body: DecodedBody,
  schema: Schema,
  wanted: GroupVersionKind,
  words: CheckOptions['words'],
  fail: (why: string) => Error,
): Checked {
  try {
    return checkFields(schema, body.object, {
      kind: wanted.kind,
      ...(body.findings ? { numbers: body.findings.numbers } : {}),
      ...(words ? { words } : {}),
    });
  } catch (error) {
    if (error instanceof DecodeError) throw fail(error.message);
    throw error;
  }
}

/** Repeated and unknown fields in the order in which Go meets them. */
function strictProblems(body: DecodedBody, checked: Checked): string[] {
  const unknown = checked.unknown.map((path) => `unknown field ${JSON.stringify(path)}`);
  if (body.yamlDuplicates) return [...body.yamlDuplicates, ...unknown];
  const { duplicates, offsets } = body.findings ?? {};
  if (!duplicates?.length) return unknown;
  const isUnknown = new Set(checked.unknown);
  const at = checked.unknown.map((path, index) => ({ text: unknown[index]!, offset: offsets?.get(path) ?? 0 }));
  for (const { path, offset } of duplicates) {
    if (!isUnknown.has(path)) at.push({ text: `duplicate field ${JSON.stringify(path)}`, offset });
  }
  return [...new Set(at.sort((a, b) => a.offset - b.offset).map((one) => one.text))];
}
