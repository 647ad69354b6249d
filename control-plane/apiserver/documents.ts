// Paths that are no resource: discovery, OpenAPI, version, the list of paths.
import { createHash } from 'node:crypto';
import { methodUnknown, notAcceptable, pathNotFound } from '../../api/meta/index.ts';
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions } from '../../api/wire/index.ts';
import { PlainNotFound } from './dispatch-errors.ts';
import type { KindTable } from './kind-table.ts';
import { negotiate } from './negotiate.ts';
import { openApiPaths } from './openapi.ts';
import type { ApiRequest, ApiResponse } from './request.ts';
import { servedNames } from './served-names.ts';

export const VERSION = {
  major: '1',
  minor: '36',
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
  gitVersion: 'v1.36.2+wherry',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '2026-11-21T00:00:00Z',
  goVersion: 'go1.25.0',
  compiler: 'gc',
  platform: 'linux/amd64',
};

type Answer = (request: ApiRequest) => Promise<ApiResponse>;

const readOnly =
  (answer: (request: ApiRequest) => ApiResponse): Answer =>
  async (request) => {
    if (request.method !== 'GET') throw methodUnknown();
    if (!/^\/apis?\/?$/.test(request.path) && negotiate(request.headers['accept']).discovery)
      throw notAcceptable(['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf']);
    return answer(request);
  };

/** Documents that only change with the table of kinds are made once. */
function remembered(kinds: KindTable): (key: string, make: () => Record<string, unknown>) => ApiResponse['body'] {
  let generation = 0;
  let made = new Map<string, Record<string, unknown>>();
  return (key, make) => {
    if (generation !== kinds.generation) {
      generation = kinds.generation;
      made = new Map();
    }
    let document = made.get(key);
    if (document === undefined) made.set(key, (document = make()));
    return document;
  };
}

export interface DocumentOptions {
  kinds: KindTable;
  /** host:port as clients reach the server. */
  serverAddress: string;
  /** The paths that others add, for the list at `/`. */
  otherPaths: readonly string[];
}

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

export function documentPaths({ kinds, serverAddress, otherPaths }: DocumentOptions): Record<string, Answer> {
  const cache = remembered(kinds);
  const names = () => servedNames(kinds).names;
  const discovery = (legacy: boolean, plain: () => object) =>
    readOnly((request) => {
      const { discovery: wanted } = negotiate(request.headers['accept']);
      const vary = { vary: 'Accept' };
      if (wanted === undefined)
        return { status: 200, headers: vary, body: cache(`plain ${legacy}`, plain as () => Record<string, unknown>) };
      const document = cache(
        `aggregated ${legacy}`,
        () => aggregatedDiscovery(names(), legacy, servedNames(kinds).stale) as Record<string, unknown>,
      ) as object;
      const body = JSON.stringify(document);
      const etag = `"${createHash('sha256').update(body).digest('hex').toUpperCase()}"`;
      if (request.headers['if-none-match'] === etag) return { status: 304, headers: { ...vary, etag } };
      return { status: 200, headers: { ...vary, etag, 'content-type': AGGREGATED }, body };
    });
  const group = readOnly((request) => {
    const [name = '', version, more] = request.path.slice('/apis/'.length).replace(/\/$/, '').split('/');
    const document =
      more === undefined ? (version === undefined ? apiGroup(names(), name) : apiResourceList(names(), name, version)) : undefined;
    const known = kinds.all().some(({ kind, custom }) => kind.group === name && !custom);
    if (document === undefined) throw known ? pathNotFound() : new PlainNotFound();
    return { status: 200, body: document };
  });
  const all = () => rootPaths(kinds, otherPaths);
  return {
    '/': readOnly(() => ({ status: 200, body: { paths: all() } })),
    '/api': discovery(true, () => apiVersions(serverAddress)),
    '/apis': discovery(false, () => apiGroupList(names())),
    '/api/v1': readOnly(() => ({ status: 200, body: apiResourceList(names(), '', 'v1')! })),
    '/apis/': group,
    '/version': readOnly(() => ({ status: 200, body: VERSION })),
    ...openApiPaths(kinds, VERSION.gitVersion),
  };
}

function rootPaths(kinds: KindTable, others: readonly string[]): string[] {
  const paths = new Set(['/api', '/api/v1', '/apis', '/apis/', '/version', '/openapi/v3', '/openapi/v3/', ...others]);
  for (const { kind } of kinds.all())
    if (kind.group !== '') {
      paths.add(`/apis/${kind.group}`);
      paths.add(`/apis/${kind.group}/${kind.version}`);
    }
  return [...paths].sort();
}
