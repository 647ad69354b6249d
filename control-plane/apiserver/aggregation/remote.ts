// The way to an extension server, and what it says of itself.
import type { KubeObject } from '../../../api/meta/index.ts';
import { type Backend, pass } from '../connect/index.ts';
import type { ApiRequest, Reader, UserInfo } from '../request.ts';
import { type Agents, authorityOf, resolveService, serverNameOf } from '../webhook/index.ts';
import { specOf } from './api-service.ts';
import type { FrontProxy } from './trust.ts';
import { userHeaders } from './user-headers.ts';

const PROBE_TIMEOUT_MS = 5000;
const DOCUMENT_MAX_BYTES = 16 << 20;
const PROBER: UserInfo = { name: 'system:kube-aggregator', groups: ['system:masters'] };

export interface RemoteOptions {
  reader: Reader;
  agents: Agents;
  frontProxy?: FrontProxy | undefined;
}

/** The `turn`-th of its endpoints. Throws StatusError when there is none. */
export function backendOf(
  { reader, agents, frontProxy }: RemoteOptions,
  apiService: KubeObject,
  turn: number,
  insecure?: boolean,
): Backend {
  const spec = specOf(apiService);
  const serverName = serverNameOf(spec.service!);
  const trust = {
    serverName,
    ca: authorityOf(spec),
    insecure: insecure ?? spec.insecureSkipTLSVerify ?? false,
    ...(frontProxy ? { client: frontProxy.client } : {}),
  };
  return { scheme: 'https', ...resolveService(reader, spec.service!, turn), kept: { agent: agents.for(trust), serverName } };
}

/**
 * GET of a document as the aggregator itself. Throws with upstream's words unless the answer is 2xx. The certificate is not checked:
 * the answer decides only what is shown.
 */
export async function documentOf(options: RemoteOptions, apiService: KubeObject, path: string, turn: number): Promise<unknown> {
  const backend = backendOf(options, apiService, turn, true);
  const url = `https://${backend.host}:${backend.port}${path}`;
  const asked = { method: 'GET', path, headers: {}, signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) } as unknown as ApiRequest;
  const answer = await pass(asked, backend, { path, headers: { ...userHeaders(PROBER), accept: 'application/json' } }).catch(
    (error: Error) => {
      const why = asked.signal.aborted ? 'context deadline exceeded' : error.message.replace('error trying to reach service: ', '');
      throw new Error(`failing or missing response from ${url}: Get "${url}": ${why}`);
    },
  );
  const text = await textOf(answer.body as AsyncIterable<Uint8Array>);
  if (answer.status < 200 || answer.status > 299)
    throw new Error(`failing or missing response from ${url}: bad status from ${url}: ${answer.status}`);
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // it answers, but not with what we know
  }
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > DOCUMENT_MAX_BYTES) throw new Error(`a document is longer than ${DOCUMENT_MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
