// From an answer of the pipeline to status, headers and bytes, in the form that the client accepts.
import { stringify } from 'yaml';
import { apiVersionOf, badRequest, goJson, type KubeList, type KubeObject, notAcceptable, type StatusError } from '../../api/meta/index.ts';
import { encodeProtobuf, type IncludeObject, PROTOBUF, partialList, partialObject, protobufList } from '../../api/wire/index.ts';
import { ListBody, WatchBody } from './bodies.ts';
import { PlainNotFound } from './dispatch-errors.ts';
import type { ServedKind } from './kind-table.ts';
import { type Accepted, checkShape, negotiate } from './negotiate.ts';
import { protobufPieces } from './protobuf-list.ts';
import type { ApiRequest, ApiResponse } from './request.ts';
import { cachedJson, Item, itemOf } from './storage/item.ts';
import { tableFor } from './tables.ts';
import { warningHeader } from './warning-header.ts';
import { type WatchLines, watchLines } from './watch-lines.ts';

/** What the listener sends. */
export interface Encoded {
  /** The upgrade's socket was taken over. */
  hijacked?: boolean;
  status: number;
  headers: Record<string, string>;
  body: Uint8Array | string | AsyncIterable<Uint8Array> | WatchLines | undefined;
}

export const isWatch = (body: Encoded['body']): body is WatchLines => typeof body === 'object' && body !== null && 'watch' in body;

const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';
const TYPE_OF = { json: JSON_TYPE, yaml: YAML_TYPE, protobuf: PROTOBUF } as const;
/** Lists of more objects are shaped in pieces of so many: 10,000 pods as a Table are a tenth of a second of work, as YAML ten seconds. */
const SHAPE_JSON = 250;
const SHAPE_YAML = 10;
const SHAPE_PROTOBUF = 20;
/** Longer lists leave in pieces of about this size, with other work between them. */
const SLICE_BYTES = 120 * 1024;

export function encode(request: ApiRequest, response: ApiResponse, nowMs: number): Encoded {
  const headers: Record<string, string> = { 'cache-control': 'no-cache, private', ...response.headers };
  const warning = warningHeader(request.warnings);
  if (warning !== undefined) headers['warning'] = warning;
  const { body, status } = response;
  if (body === undefined) return { status, headers, body: undefined };
  if (typeof body === 'string' || body instanceof Uint8Array) {
    headers['content-type'] ??= typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/octet-stream';
    return { status, headers, body };
  }
  if (Symbol.asyncIterator in body) return { status, headers, body: body as AsyncIterable<Uint8Array> };
  if (headers['content-type']) return { status, headers, body: goJson(body) };
  const accepted = acceptedFor(request);
  if (body instanceof WatchBody) {
    const { contentType, lines } = watchLines(body, accepted, includeOf(request), nowMs);
    headers['content-type'] = contentType;
    return { status: 200, headers, body: lines };
  }
  const include = includeOf(request);
  const pieces = body instanceof ListBody ? longList(body, accepted, include, nowMs, request) : undefined;
  if (pieces) return { status, headers: { ...headers, 'content-type': TYPE_OF[accepted.format] }, body: pieces };
  const shaped = shape(body, accepted, include, nowMs, request);
  return encodeShaped(shaped, accepted, headers, status);
}

/** Reviews and bindings, which can only be created, have no Table: the client's next wish counts. Throws 406 when there is none. */
function acceptedFor(request: ApiRequest): Accepted {
  const header = request.headers['accept'];
  const accepted = negotiate(header);
  if (accepted.as !== 'Table' || !request.served || request.info.subresource !== '' || request.served.kind.verbs.includes('get'))
    return accepted;
  const others = header!.split(',').filter((clause) => !/;\s*as=Table\b/.test(clause));
  if (others.length === 0) throw notAcceptable([JSON_TYPE, YAML_TYPE, PROTOBUF]);
  return negotiate(others.join(','));
}

/** Errors go out as they can: in the asked format, never as Table. */
export function encodeError(request: Pick<ApiRequest, 'headers' | 'warnings'>, error: StatusError): Encoded {
  const headers: Record<string, string> = { 'cache-control': 'no-cache, private' };
  const warning = warningHeader(request.warnings);
  if (warning !== undefined) headers['warning'] = warning;
  if (error.details?.retryAfterSeconds) headers['retry-after'] = String(error.details.retryAfterSeconds);
  let accepted: Accepted = { format: 'json', version: 'v1', pretty: false };
  try {
    accepted = negotiate(request.headers['accept']);
  } catch {
    // the error itself is told in JSON
  }
  if (error instanceof PlainNotFound)
    return { status: 404, headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' }, body: '404 page not found\n' };
  const { reason, ...status } = error.toStatus();
  return encodeShaped(reason ? { ...status, reason } : status, accepted, headers, error.code);
}

function encodeShaped(body: object, accepted: Accepted, headers: Record<string, string>, status: number): Encoded {
  if (accepted.format === 'yaml') {
    headers['content-type'] = YAML_TYPE;
    return { status, headers, body: stringify(body instanceof ListBody ? plainList(body) : body) };
  }
  if (accepted.format === 'protobuf') {
    const bytes = encodeProtobuf((body instanceof ListBody ? plainList(body) : body) as Record<string, unknown>);
    if (bytes === undefined) throw notAcceptable([JSON_TYPE, YAML_TYPE, PROTOBUF]);
    headers['content-type'] = PROTOBUF;
    return { status, headers, body: bytes };
  }
  headers['content-type'] = JSON_TYPE;
  if (body instanceof ListBody) return { status, headers, body: listJson(body) };
  if (accepted.pretty) return { status, headers, body: `${goJson(body, 2)}\n` };
  return { status, headers, body: cachedJson(body) ?? goJson(body) };
}

/** Table and PartialObjectMetadata forms; other bodies stay as they are. */
function shape(body: object, accepted: Accepted, include: IncludeObject, nowMs: number, request: ApiRequest): object {
  const served = request.served as ServedKind | undefined;
  if (accepted.as === undefined || served === undefined || (body as KubeObject).kind === 'Status') return body;
  const isList = body instanceof ListBody;
  checkShape(accepted, isList, served.kind.kind, served.kind.group);
  const { version } = accepted;
  if (body instanceof ListBody) {
    if (accepted.as === 'Table')
      return tableFor(served.kind, body.items, { nowMs, includeObject: include, version, listMetadata: body.metadata });
    return partialList(body.items, body.metadata, version);
  }
  const object = body as KubeObject;
  return accepted.as === 'Table'
    ? tableFor(served.kind, [object], { nowMs, includeObject: include, version })
    : partialObject(object, version);
}

/** Forms of a long list that must be made for it, piece by piece, with other work between them. */
function longList(
  list: ListBody,
  accepted: Accepted,
  include: IncludeObject,
  nowMs: number,
  request: ApiRequest,
): AsyncIterable<Uint8Array> | undefined {
  if (accepted.format === 'protobuf') return longProtobuf(list, accepted, include, nowMs, request);
  const isYaml = accepted.format === 'yaml';
  const step = isYaml ? SHAPE_YAML : SHAPE_JSON;
  if (list.length <= step || accepted.pretty || (!isYaml && accepted.as === undefined)) return undefined;
  const pieceOf = (items: readonly KubeObject[]) =>
    shape(new ListBody(list.served, list.metadata, items), accepted, include, nowMs, request) as Record<string, unknown>;
  const piece = (at: number) => {
    const whole = pieceOf(list.slice(at, at + step));
    const plain = whole instanceof ListBody ? (plainList(whole) as Record<string, unknown>) : whole;
    return Buffer.from(isYaml ? yamlPiece(plain, at === 0) : jsonPiece(plain, at === 0, at + step >= list.length));
  };
  const first = piece(0); // now: it may refuse
  return (async function* () {
    yield first;
    for (let at = step; at < list.length; at += step) yield piece(at);
  })();
}

/** Tables have no protobuf: they are refused where short lists are. */
function longProtobuf(
  list: ListBody,
  accepted: Accepted,
  include: IncludeObject,
  nowMs: number,
  request: ApiRequest,
): AsyncIterable<Uint8Array> | undefined {
  if (list.length <= SHAPE_PROTOBUF || accepted.as === 'Table') return undefined;
  const empty = shape(new ListBody(list.served, list.metadata, []), accepted, include, nowMs, request); // may refuse
  const form = protobufList((empty instanceof ListBody ? plainList(empty) : empty) as KubeList);
  if (form === undefined) return undefined;
  return protobufPieces(form, list, accepted.as === undefined ? undefined : (object) => partialObject(object, accepted.version));
}

/** The objects are the last field of every form of a list. */
const objectsOf = (form: Record<string, unknown>): readonly unknown[] => (form['rows'] ?? form['items']) as unknown[];

function jsonPiece(form: Record<string, unknown>, first: boolean, last: boolean): string {
  const json = first ? JSON.stringify(form).slice(0, -2) : `,${JSON.stringify(objectsOf(form)).slice(1, -1)}`;
  return last ? `${json}]}\n` : json;
}

function yamlPiece(form: Record<string, unknown>, first: boolean): string {
  if (first) return stringify(form);
  const text = stringify({ items: objectsOf(form) });
  return text.slice(text.indexOf('\n') + 1);
}

/** Throws 400 for a value that is none of the three. */
function includeOf(request: ApiRequest): IncludeObject {
  const text = request.query.get('includeObject') || 'Metadata';
  if (text === 'Metadata' || text === 'Object' || text === 'None') return text;
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: "${text}": must be 'Metadata', 'Object', 'None', or empty`,
  );
}

export function plainList(list: ListBody): object {
  return { kind: listKindOf(list), apiVersion: apiVersionOf(list.served.kind), metadata: listMetadata(list), items: list.items };
}

function listHead(list: ListBody): string {
  const { kind } = list.served;
  return `{"kind":"${listKindOf(list)}","apiVersion":"${apiVersionOf(kind)}","metadata":${JSON.stringify(listMetadata(list))},"items":[`;
}

const listKindOf = ({ served: { kind } }: ListBody): string => kind.listKind ?? `${kind.kind}List`;

/** Lists of custom kinds always say whether they go on. */
const listMetadata = ({ served, metadata }: ListBody): object => (served.custom ? { continue: '', ...metadata } : metadata);

function listJson(list: ListBody): Uint8Array | AsyncIterable<Uint8Array> {
  const first = slice(list, 0);
  if (first.next >= list.length) return first.bytes;
  return (async function* () {
    yield first.bytes;
    for (let at = first.next; at < list.length; ) {
      const part = slice(list, at);
      at = part.next;
      yield part.bytes;
    }
  })();
}

const COMMA = 0x2c;
const JSON_METADATA = '"metadata":';

/** Built-in kinds leave kind and apiVersion out of a list's items, custom ones keep them. */
function madeJson(object: KubeObject, bare: boolean): Buffer {
  const json = goJson(object);
  const at = bare ? json.indexOf(JSON_METADATA) : -1;
  return Buffer.from(at < 0 ? json : `{${json.slice(at)}`);
}

/** Items from `at` on, about SLICE_BYTES of them, with the list's head before the first and its end after the last. */
function slice(list: ListBody, at: number): { bytes: Buffer; next: number } {
  const bare = !list.served.custom;
  const parts: (Item | Buffer)[] = [];
  let size = 0;
  let next = at;
  while (next < list.length && size < SLICE_BYTES) {
    const row = list.servable(next++);
    const part = row instanceof Item ? row : (itemOf(row) ?? madeJson(row, bare));
    parts.push(part);
    size += (Buffer.isBuffer(part) ? part.length : part.maxBytes) + 2;
  }
  const head = at === 0 ? Buffer.from(listHead(list)) : undefined;
  const out = Buffer.allocUnsafe(size + (head?.length ?? 0) + 3);
  let offset = head ? head.copy(out) : 0;
  for (const [i, part] of parts.entries()) {
    if (at + i > 0) out[offset++] = COMMA;
    offset = Buffer.isBuffer(part) ? offset + part.copy(out, offset) : part.write(out, offset, bare);
  }
  if (next >= list.length) offset += out.write(']}\n', offset, 'latin1');
  return { bytes: out.subarray(0, offset), next };
}
