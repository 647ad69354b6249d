// /openapi/v2 and /openapi/v3: documents made when they are asked for, kept compressed until the kinds change.
import { promisify } from 'node:util';
import { gunzip as gunzipCallback, gzip as gzipCallback } from 'node:zlib';
import type { ResourceNames } from '../../api/kinds/index.ts';
import { methodUnknown, notAcceptable } from '../../api/meta/index.ts';
import { type OpenApiSource, openApiDocument, openApiHashes, openApiIndex, swagger, swaggerProtobuf } from '../../api/wire/index.ts';
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

/** What was made for the present kinds, oldest first; made again when they change. */
class Kept {
  readonly #kinds: KindTable;
  #generation = 0;
  #documents = new Map<string, Promise<Buffer | undefined>>();
  #hashes: ReadonlyMap<string, string> | undefined;

  constructor(kinds: KindTable) {
    this.#kinds = kinds;
  }

  #fresh(): void {
    if (this.#generation === this.#kinds.generation) return;
    this.#generation = this.#kinds.generation;
    this.#documents = new Map();
    this.#hashes = undefined;
  }

  /** Compressed; undefined when there is no such document. Two who ask at once wait for one. */
  document(key: string, make: () => string | Uint8Array | undefined): Promise<Buffer | undefined> {
    this.#fresh();
    const known = this.#documents.get(key);
    if (known) return known;
    const text = make();
    if (text === undefined) return Promise.resolve(undefined);
    const made = gzip(text, { level: 6 });
    if (this.#documents.size >= KEPT_MAX) this.#documents.delete(this.#documents.keys().next().value!);
    this.#documents.set(key, made);
    return made;
  }

  hashes(make: () => ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    this.#fresh();
    return (this.#hashes ??= make());
  }
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

export function openApiPaths(kinds: KindTable, gitVersion: string): Record<string, Answer> {
  const kept = new Kept(kinds);
  const source = (): OpenApiSource => ({
    kinds: kinds.all().map(({ kind }) => kind),
    custom: (kind: ResourceNames) => kinds.find(kind.group, kind.version, kind.plural)?.openApi,
    descriptions: openDescriptions(),
  });
  const hashes = () =>
    kept.hashes(() => openApiHashes(source(), `${gitVersion} ${openDescriptions()('io.k8s.api.core.v1.Pod') !== undefined}`));

  const index: Answer = async () => ({
    status: 200,
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    body: JSON.stringify(withRemote(openApiIndex(hashes()), kinds)),
  });

  const v3: Answer = async (request) => {
    if (request.method !== 'GET') throw methodUnknown();
    const place = request.path.slice('/openapi/v3'.length).replace(/^\/|\/$/g, '');
    if (place === '') return index(request);
    const hash = hashes().get(place);
    if (hash === undefined) return { status: 404 };
    const asked = request.query.get('hash');
    // The address of the index has the hash of another day: the right one is named, so that it is what caches keep.
    if (asked && asked !== hash) return { status: 301, headers: { location: `/openapi/v3/${place}?hash=${hash}` }, body: '' };
    const etag = tagOf(hash);
    const immutable: Record<string, string> = asked ? { 'cache-control': 'public, immutable', expires: NEVER } : {};
    const headers = { vary: 'Accept', etag, ...immutable };
    if (request.headers['if-none-match'] === etag) return { status: 304, headers };
    const zipped = await kept.document(place, () => JSON.stringify(openApiDocument(place, source())));
    if (zipped === undefined) return { status: 404 };
    return answerOf(request, zipped, { ...headers, 'content-type': 'application/json' });
  };

  const v2: Answer = async (request) => {
    if (request.method !== 'GET') throw methodUnknown();
    const accept = request.headers['accept'] ?? '';
    const protobuf = /proto-openapi\.spec\.v2/.test(accept);
    if (!protobuf && accept !== '' && !/json|\*\/\*|application\/\*/.test(accept)) throw notAcceptable(['application/json', PROTOBUF_V2]);
    const zipped = await kept.document(protobuf ? 'v2 protobuf' : 'v2', () => {
      const document = swagger(source(), gitVersion);
      return protobuf ? swaggerProtobuf(document) : JSON.stringify(document);
    });
    return answerOf(request, zipped!, { vary: 'Accept', 'content-type': protobuf ? PROTOBUF_V2 : 'application/json' });
  };

  return { '/openapi/v2': v2, '/openapi/v3': v3, '/openapi/v3/': v3 };
}
