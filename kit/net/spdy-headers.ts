// Header blocks of SPDY/3.1: name-value pairs under zlib with the protocol's dictionary (SPDY draft 3.1, 2.6.10).
import { createInflate } from 'node:zlib';

const WORDS =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status|200 OK|version|HTTP/1.1|url public set-cookie keep-alive origin';
const TAIL =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';

const MAX_BLOCK_BYTES = 64 * 1024;

function prefixed(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

const dictionary = (): Buffer => {
  const words = WORDS.split('|').flatMap((part) => (part === '200 OK' ? [part] : part.split(' ')));
  return Buffer.concat([...words.map(prefixed), Buffer.from(TAIL, 'latin1')]);
};

let shared: Buffer | undefined;
const spdyDictionary = (): Buffer => (shared ??= dictionary());

function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return ((b << 16) | a) >>> 0;
}

export type Headers = Record<string, string>;

function encodePairs(headers: Headers): Buffer {
  const pairs = Object.entries(headers);
  const count = Buffer.alloc(4);
  count.writeUInt32BE(pairs.length);
  return Buffer.concat([count, ...pairs.flatMap(([name, value]) => [prefixed(name.toLowerCase()), prefixed(value)])]);
}

function decodePairs(bytes: Buffer): Headers {
  const headers: Headers = {};
  let at = 4;
  const text = (): string => {
    const length = bytes.readUInt32BE(at);
    const value = bytes.subarray(at + 4, at + 4 + length).toString('latin1');
    at += 4 + length;
    return value;
  };
  for (let left = bytes.readUInt32BE(0); left > 0; left--) {
    const name = text();
    headers[name] = text().replaceAll('\0', ', ');
  }
  return headers;
}

/** Writes blocks as stored (uncompressed) deflate blocks: no state to keep, nothing asynchronous. */
export class HeaderWriter {
  #first = true;
  write(headers: Headers): Buffer {
    const content = encodePairs(headers);
    if (content.length > 0xffff) throw new Error('SPDY headers are too long');
    const start = Buffer.alloc(this.#first ? 6 : 0);
    if (this.#first) {
      start.writeUInt16BE(0x7820); // deflate, 32 kB window, preset dictionary; a multiple of 31
      start.writeUInt32BE(adler32(spdyDictionary()), 2);
      this.#first = false;
    }
    const stored = Buffer.alloc(5);
    stored.writeUInt16LE(content.length, 1);
    stored.writeUInt16LE(~content.length & 0xffff, 3);
    // An empty stored block makes inflaters hand out what they have (what Z_SYNC_FLUSH does).
    return Buffer.concat([start, stored, content, Buffer.from([0, 0, 0, 0xff, 0xff])]);
  }
}

/** Reads blocks in the order in which they came: the inflater keeps state from one to the next. */
export class HeaderReader {
  readonly #inflate = createInflate({ dictionary: spdyDictionary() });
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor() {
    this.#inflate.on('data', (part: Buffer) => {
      this.#parts.push(part);
      this.#bytes += part.length;
      if (this.#bytes > MAX_BLOCK_BYTES) this.#inflate.destroy(new Error('SPDY headers are too long'));
    });
  }

  read(block: Uint8Array): Promise<Headers> {
    return new Promise((resolve, reject) => {
      this.#parts = [];
      this.#bytes = 0;
      this.#inflate.once('error', reject);
      this.#inflate.write(block, () => {
        this.#inflate.off('error', reject);
        try {
          resolve(decodePairs(Buffer.concat(this.#parts)));
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  close(): void {
    this.#inflate.on('error', () => {});
    this.#inflate.destroy();
  }
}
