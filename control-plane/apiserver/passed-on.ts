// Answers that came from an extension server, as the in-process client gives them: objects and events out of their bytes.
import { StatusError } from '../../api/meta/index.ts';
import { linesOf, statusErrorOf, type WatchEvent } from '../../kit/client/index.ts';
import type { ApiResponse } from './request.ts';

/** Longest answer, and longest event, that is taken. */
const BODY_BYTES_MAX = 128 << 20;
const LINE_BYTES_MAX = 16 << 20;

type Bytes = Uint8Array | string | AsyncIterable<Uint8Array>;

export const isPassedOn = (body: ApiResponse['body']): body is Bytes =>
  typeof body === 'string' || body instanceof Uint8Array || (typeof body === 'object' && Symbol.asyncIterator in body);

/** `what` was asked, for the error. Throws StatusError for an answer other than 2xx. */
export async function objectOf({ status, body }: ApiResponse, what: string): Promise<unknown> {
  const text = await textOf(body as Bytes);
  const value = parsed(text);
  if (status < 200 || status > 299) throw statusErrorOf(status, value ?? text, what);
  if (value === undefined) throw new StatusError(500, 'InternalError', `${what}: the answer is no JSON`);
  return value;
}

export async function* eventsOf<T>(response: ApiResponse, what: string): AsyncGenerator<WatchEvent<T>> {
  const { status, body } = response;
  if (status !== 200 || typeof body === 'string' || body instanceof Uint8Array) throw await objectOf(response, what);
  for await (const line of linesOf(body as AsyncIterable<Uint8Array>, LINE_BYTES_MAX)) {
    const event = JSON.parse(line) as WatchEvent<T> | { type: 'ERROR'; object: unknown };
    if (event.type === 'ERROR') throw statusErrorOf(500, event.object, what);
    yield event;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function textOf(body: Bytes): Promise<string> {
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) throw new Error(`an answer of more than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size).toString();
}
