// A proxied program believes that it is the root of its server; its links and redirects are moved below the path at which the client sees it.
import { posix } from 'node:path';
import { Duplex, pipeline, Readable } from 'node:stream';
import { createDeflate, createGunzip, createGzip, createInflate } from 'node:zlib';
import { RewritingStream } from 'parse5-html-rewriting-stream';
import type { ApiResponse } from '../request.ts';

/** Attributes that hold an address, by element (HTML 4.01 and HTML: the type URI in their indexes of attributes). */
const LINKS: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['formaction', 'src', 'usemap'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
};

export interface ProxiedPlace {
  /** Where the client sees the program's root, without a slash at its end. */
  base: string;
  /** What the program may call itself: `host` and `host:port`. */
  own: readonly string[];
  /** What the client calls this server: its Host header. */
  server: string;
}

/** Scheme, host, path and the rest (RFC 3986, appendix B). */
const ADDRESS = /^(?:[^:/?#]+:)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/s;

/** The address as the client must ask for it: absolute paths of the program get below `base`, all else stays. */
export function moved(address: string, { base, own, server }: ProxiedPlace): string {
  const [, host, path = '', rest = ''] = ADDRESS.exec(address) ?? [];
  const isOwn = host === undefined || host === '' || host === server || own.includes(host);
  if (!isOwn || !path.startsWith('/')) return address;
  const origin = host === server ? address.slice(0, address.length - path.length - rest.length) : '';
  if (path.startsWith(base)) return origin + path + rest;
  const joined = posix.join(base, path);
  return origin + joined + (path.endsWith('/') && !joined.endsWith('/') ? '/' : '') + rest;
}

/** Moves the redirect of an answer, or the links of its HTML; a coding that is not known is passed on as it is. */
export function moveLinks(response: ApiResponse, place: ProxiedPlace): ApiResponse {
  const headers = response.headers ?? {};
  if (headers['location'] !== undefined) return { ...response, headers: { ...headers, location: moved(headers['location'], place) } };
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  const coding = CODINGS[headers['content-encoding'] ?? ''];
  if (type !== 'text/html' || !coding || response.body === undefined) return response;
  const { 'content-length': _, ...others } = headers;
  return { ...response, headers: others, body: rewritten(response.body as AsyncIterable<Uint8Array>, coding, place) };
}

type Coding = () => Duplex[];
const CODINGS: Readonly<Record<string, readonly [decode: Coding, encode: Coding]>> = {
  '': [() => [], () => []],
  gzip: [() => [createGunzip()], () => [createGzip()]],
  deflate: [() => [createInflate()], () => [createDeflate()]],
};

/** Every character is one byte on the way (latin1), so that the page's own encoding does not matter. */
function rewritten(body: AsyncIterable<Uint8Array>, [decode, encode]: readonly [Coding, Coding], place: ProxiedPlace): Readable {
  const page = new RewritingStream();
  page.on('startTag', (tag, raw) => page.emitRaw(withMovedLinks(tag, raw, place)));
  const parts = [Readable.from(body), ...decode(), Duplex.from(toText), page, Duplex.from(toBytes), ...encode()];
  return pipeline(parts, () => {}) as unknown as Readable; // who reads it is told of errors
}

async function* toText(source: AsyncIterable<Buffer>): AsyncGenerator<string> {
  for await (const chunk of source) yield chunk.toString('latin1');
}

async function* toBytes(source: AsyncIterable<string>): AsyncGenerator<Buffer> {
  for await (const chunk of source) yield Buffer.from(chunk, 'latin1');
}

type StartTag = Parameters<RewritingStream['emitStartTag']>[0];
type Span = Pick<NonNullable<StartTag['sourceCodeLocation']>, 'startOffset' | 'endOffset'>;

/** The tag as it was, but for the values of links that move. */
function withMovedLinks({ tagName, attrs, sourceCodeLocation }: StartTag, raw: string, place: ProxiedPlace): string {
  const tag = sourceCodeLocation as Span & { attrs?: Record<string, Span> };
  let text = raw;
  const links = attrs.filter(({ name }) => LINKS[tagName]?.includes(name)).reverse(); // from the end: offsets before it stay
  for (const { name, value } of links) {
    const span = tag.attrs?.[name];
    const address = moved(value, place);
    if (!span || address === value) continue;
    const [start, end] = [span.startOffset - tag.startOffset, span.endOffset - tag.startOffset];
    text = `${text.slice(0, start)}${name}="${quoted(address)}"${text.slice(end)}`;
  }
  return text;
}

/** Only characters of one byte; the others, which came from references, are references again. */
const quoted = (value: string): string => value.replace(/[&"]|[^\u0000-\u00ff]/gu, (character) => `&#${character.codePointAt(0)};`);
