// The events of a watch on their way out: JSON lines, Tables, metadata alone, or frames of protobuf.
import { apiVersionOf, goJson, type KubeObject, notAcceptable } from '../../api/meta/index.ts';
import { checkFields, encodeProtobuf, type IncludeObject, PROTOBUF, partialObject, watchFrame } from '../../api/wire/index.ts';
import type { Seen, WatchBody } from './bodies.ts';
import type { Accepted } from './negotiate.ts';
import { tableFor } from './tables.ts';

/** A watch on its way out: one line (or frame) an event. */
export interface WatchLines {
  watch: WatchBody;
  line(seen: Seen): Uint8Array | string;
}

/** Forms that can be streamed. */
const STREAMS = ['application/json;stream=watch', `${PROTOBUF};stream=watch`];

/** Throws 406 for a form that has no stream, or in which the kind has no form. */
export function watchLines(
  body: WatchBody,
  accepted: Accepted,
  include: IncludeObject,
  nowMs: number,
): { contentType: string; lines: WatchLines } {
  const shaped = accepted.as === undefined ? undefined : shapeOf(body, accepted, include, nowMs);
  if (accepted.format === 'json')
    return { contentType: 'application/json', lines: { watch: body, line: shaped ? shapedLine(shaped) : plainLine } };
  const { kind } = body.served;
  const sample = accepted.as === undefined ? { apiVersion: apiVersionOf(kind), kind: kind.kind } : partialObject({ metadata: {} });
  if (accepted.format !== 'protobuf' || accepted.as === 'Table' || encodeProtobuf({ ...sample }) === undefined)
    throw notAcceptable(STREAMS);
  return { contentType: STREAMS[1]!, lines: { watch: body, line: frame(shaped) } };
}

const plainLine = (seen: Seen): Uint8Array => seen.line?.() ?? Buffer.from(`{"type":"${seen.type}","object":${goJson(seen.object)}}\n`);

type Shape = (seen: Seen) => object;

const shapedLine =
  (shape: Shape): WatchLines['line'] =>
  (seen) =>
    `${goJson({ type: seen.type, object: shape(seen) })}\n`;

const frame =
  (shape: Shape | undefined): WatchLines['line'] =>
  (seen) =>
    watchFrame(seen.type, (shape?.(seen) ?? seen.object) as Record<string, unknown>);

function shapeOf(body: WatchBody, { as, version }: Accepted, includeObject: IncludeObject, nowMs: number): Shape {
  let first = true;
  return ({ type, object }) => {
    if (type === 'ERROR') return object;
    if (as !== 'Table') return partialObject(object, version);
    const shown = type === 'BOOKMARK' ? emptyObject(body, object) : object;
    const table = tableFor(body.served.kind, [shown], { nowMs, includeObject, version, withoutHeader: !first });
    // Only the first event's table names its columns.
    const answer = first ? table : { ...table, columnDefinitions: null };
    first = false;
    return answer;
  };
}

/** A bookmark's row is that of an object in which nothing is set. */
function emptyObject({ served }: WatchBody, bookmark: KubeObject): KubeObject {
  if (served.custom || served.schema === undefined) return bookmark;
  return {
    ...checkFields(served.schema, {}).object,
    ...bookmark,
    metadata: { ...bookmark.metadata, creationTimestamp: undefined },
  } as unknown as KubeObject;
}
