// A registry for tests that misbehaves as told. It serves what it is given from memory, and counts requests.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';

/** Answers instead of the registry; false: the registry answers itself. */
type Trick = (request: IncomingMessage, response: ServerResponse, count: number) => boolean;

export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  host: string;
  requests: { path: string; headers: IncomingMessage['headers'] }[];
  blobs: Map<string, Buffer>;
  manifests: Map<string, { type: string; text: string }>;
  /** For paths that contain `part`. */
  play(part: string, trick: Trick): void;
  /** Puts an image of these layers below `name:latest`; returns the manifest's digest. */
  image(name: string, layers: readonly TestLayer[], change?: (manifest: TestManifest) => void): string;
}

export interface TestLayer {
  blob: Buffer;
  /** The plain tar. */
  tar: Buffer;
  mediaType?: string;
}

export interface TestManifest {
  schemaVersion: number;
  mediaType?: string;
  config: { digest: string; size: number };
  layers: { mediaType: string; digest: string; size: number }[];
}

export const sha256 = (content: string | Buffer): string => `sha256:${createHash('sha256').update(content).digest('hex')}`;

/** With `tls` over HTTPS. */
export async function testRegistry(tls?: ServerOptions): Promise<TestRegistry> {
  const tricks: { part: string; trick: Trick; count: number }[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? '';
    registry.requests.push({ path, headers: request.headers });
    for (const entry of tricks) if (path.includes(entry.part) && entry.trick(request, response, ++entry.count)) return;
    serve(registry, path, request, response);
  };
  const server = tls ? createSecureServer(tls, answer) : createServer(answer);
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await listening;
  const registry: TestRegistry = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    blobs: new Map(),
    manifests: new Map(),
    play: (part, trick) => void tricks.unshift({ part, trick, count: 0 }),
    image: (name, layers, change) => put(registry, name, layers, change),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      const { promise, resolve: closed } = Promise.withResolvers<void>();
      server.close(() => closed());
      await promise;
    },
  };
  return registry;
}

function put(registry: TestRegistry, name: string, layers: readonly TestLayer[], change?: (manifest: TestManifest) => void): string {
  const config = JSON.stringify({ os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: layers.map(({ tar }) => sha256(tar)) } });
  registry.blobs.set(sha256(config), Buffer.from(config));
  for (const { blob } of layers) registry.blobs.set(sha256(blob), blob);
  const type = 'application/vnd.oci.image.manifest.v1+json';
  const manifest: TestManifest = {
    schemaVersion: 2,
    mediaType: type,
    config: { digest: sha256(config), size: config.length },
    layers: layers.map(({ blob, mediaType }) => ({
      mediaType: mediaType ?? 'application/vnd.oci.image.layer.v1.tar+gzip',
      digest: sha256(blob),
      size: blob.length,
    })),
  };
  change?.(manifest);
  const text = JSON.stringify(manifest);
  for (const reference of ['latest', sha256(text)]) registry.manifests.set(`${name}:${reference}`, { type, text });
  return sha256(text);
}

function serve({ blobs, manifests }: TestRegistry, path: string, request: IncomingMessage, response: ServerResponse): void {
  const [, repository = '', kind, reference = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? [];
  const manifest = kind === 'manifests' ? manifests.get(`${repository}:${reference}`) : undefined;
  const content = manifest ? Buffer.from(manifest.text) : blobs.get(reference);
  if (!content) {
    response.writeHead(404).end('{}');
    return;
  }
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  response.writeHead(from > 0 ? 206 : 200, {
    'content-type': manifest?.type ?? 'application/octet-stream',
    'content-length': content.length - from,
  });
  response.end(content.subarray(from));
}
