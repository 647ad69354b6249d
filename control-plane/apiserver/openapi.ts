// /openapi/v2 and /openapi/v3: documents made when they are asked for, and kept compressed.
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzip as gunzipCallback, gzip as gzipCallback } from 'node:zlib';
import type { ResourceNames } from '../../api/kinds/index.ts';
import { methodUnknown, notAcceptable } from '../../api/meta/index.ts';
import {
  mergedSwagger,
  type OpenApiSource,
  openApiDocument,
  openApiHashes,
  openApiIndex,
  swaggerJson,
  swaggerPieces,
  swaggerProtobuf,
} from '../../api/wire/index.ts';
import { BoundedMap } from '../../kit/run/index.ts';
import { openDescriptions } from './descriptions.ts';
import type { KindTable } from './kind-table.ts';
import type { ApiRequest, ApiResponse } from './request.ts';

const gzip = promisify(gzipCallback);
const gunzip = promisify(gunzipCallback);

/** Documents that are kept; each is some 10 to 300 kB compressed. */
const KEPT_MAX = 64;

/** Asked for with `v2@v1.0`, which is no valid media type: the answer has a dot there. */
const PROTOBUF_V2 = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/** What is asked for with its hash never changes. */
const NEVER = 'Fri, 31 Dec 2100 00:00:00 GMT';

type Answer = (request: ApiRequest) => Promise<ApiResponse>;

/** What was made, oldest first. Keys hold the hash of what the document depends on, so one of a group stays when another group changes. */
class Kept {
  readonly #documents = new BoundedMap<string, Promise<Buffer>>(KEPT_MAX);

  /** Compressed. Two who ask at once wait for one. */
  get(key: string, make: () => Promise<string | Uint8Array>): Promise<Buffer> {
    const known = this.#documents.get(key);
    if (known) return known;
    const made = make().then((text) => gzip(text, { level: 6 }));
    made.catch(() => this.#documents.delete(key)); // told to who waits
    this.#documents.set(key, made);
    return made;
  }
}

/** Takes pieces of work one at a time, with other work between them. */
async function inTurns<T>(pieces: Iterable<T>): Promise<T[]> {
  const out: T[] = [];
  for (const piece of pieces) {
    out.push(piece);
    await setImmediate();
  }
  return out;
}

async function answerOf(request: ApiRequest, zipped: Buffer, headers: Record<string, string>): Promise<ApiResponse> {
  if ((request.headers['accept-encoding'] ?? '').includes('gzip'))
    return { status: 200, headers: { ...headers, 'content-encoding': 'gzip' }, body: zipped };
  return { status: 200, headers, body: await gunzip(zipped) };
}

/** Quoted, with the double quotes that an entity tag has. */
const tagOf = (hash: string): string => JSON.stringify(hash);

/** Documents of extension servers are asked for there: their requests never come here. */
function withRemote(index: { paths?: object }, kinds: KindTable): object {
  const remote = kinds.remote.flatMap(({ group, version, openApi }) => (openApi ? [[`apis/${group}/${version}`, openApi]] : []));
  return remote.length === 0 ? index : { ...index, paths: { ...index.paths, ...Object.fromEntries(remote) } };
}

/** Of the servers that are there, those of the highest priority first: what they name first is theirs. */
async function remoteSwaggers(kinds: KindTable) {
  const there = kinds.remote.filter(({ stale }) => !stale).sort((a, b) => b.groupPriorityMinimum - a.groupPriorityMinimum);
  return (await Promise.all(there.map((remote) => remote.swagger()))).filter((found) => found !== undefined);
}

export function openApiPaths(kinds: KindTable, gitVersion: string): Record<string, Answer> {
  const kept = new Kept();
  const source = (): OpenApiSource => ({
    kinds: kinds.all().map(({ kind }) => kind),
    custom: (kind: ResourceNames) => kinds.find(kind.group, kind.version, kind.plural)?.openApi,
    descriptions: openDescriptions(),
  });
  let generation = 0;
  let known: ReadonlyMap<string, string> = new Map();
  const hashes = (): ReadonlyMap<string, string> => {
    if (generation === kinds.generation) return known;
    generation = kinds.generation;
    const described = openDescriptions()('io.k8s.api.core.v1.Pod') !== undefined;
    known = openApiHashes(source(), `${gitVersion} ${described}`);
    return known;
  };

  const v3: Answer = async (request) => {
    if (request.method !== 'GET') throw methodUnknown();
    const place = request.path.slice('/openapi/v3'.length).replace(/^\/|\/$/g, '');
    if (place === '')
      return {
        status: 200,
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        body: JSON.stringify(withRemote(openApiIndex(hashes()), kinds)),
      };
    const hash = hashes().get(place);
    if (hash === undefined) return { status: 404 };
    const asked = request.query.get('hash');
    // The address is of another day's index: the right one is named, so that it is what caches keep.
    if (asked && asked !== hash) return { status: 301, headers: { location: `/openapi/v3/${place}?hash=${hash}` }, body: '' };
    const immutable: Record<string, string> = asked ? { 'cache-control': 'public, immutable', expires: NEVER } : {};
    const headers = { vary: 'Accept', etag: tagOf(hash), ...immutable };
    if (request.headers['if-none-match'] === headers.etag) return { status: 304, headers };
    const zipped = await kept.get(`${place} ${hash}`, async () => JSON.stringify(openApiDocument(place, source())));
    return answerOf(request, zipped, { ...headers, 'content-type': 'application/json' });
  };

  const v2: Answer = async (request) => {
    if (request.method !== 'GET') throw methodUnknown();
    const accept = request.headers['accept'] ?? '';
    const protobuf = /proto-openapi\.spec\.v2/.test(accept);
    if (!protobuf && accept !== '' && !/json|\*\/\*|application\/\*/.test(accept)) throw notAcceptable(['application/json', PROTOBUF_V2]);
    const others = await remoteSwaggers(kinds);
    const hash = createHash('sha512')
      .update([...hashes().values(), ...others.map((other) => other.hash)].join())
      .digest('hex')
      .toUpperCase();
    const headers = { vary: 'Accept', etag: tagOf(hash) };
    if (request.headers['if-none-match'] === headers.etag) return { status: 304, headers };
    const zipped = await kept.get(`v2 ${protobuf} ${hash}`, async () => {
      const own = swaggerPieces(source(), gitVersion);
      const pieces =
        others.length === 0
          ? own
          : mergedSwagger(
              own,
              others.map(({ part }) => part),
            );
      return protobuf ? Buffer.concat(await inTurns(swaggerProtobuf(pieces))) : (await inTurns(swaggerJson(pieces))).join('');
    });
    return answerOf(request, zipped, { ...headers, 'content-type': protobuf ? PROTOBUF_V2 : 'application/json' });
  };

  return { '/openapi/v2': v2, '/openapi/v3': v3, '/openapi/v3/': v3 };
}
