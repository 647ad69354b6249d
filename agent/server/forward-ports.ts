// /portForward: connections of the client to ports on the pod's own loopback.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { acceptPortForward } from '../../kit/net/index.ts';
import { type Cri, serveForwardedPort } from '../cri/index.ts';
import type { PodSource } from './find-container.ts';
import { HttpError } from './http-error.ts';

export interface ForwardRequest {
  namespace: string;
  pod: string;
  incoming: IncomingMessage;
  socket: Duplex;
  head: Buffer;
  signal: AbortSignal;
}

/** Serves the session to its end. @throws HttpError before the upgrade was accepted */
export async function forwardPorts(cri: Cri, pods: PodSource, request: ForwardRequest): Promise<void> {
  const pod = pods.get(request.namespace, request.pod);
  const [sandbox] = pod ? await cri.listPodSandbox({ podUid: pod.metadata.uid ?? '', state: 'ready' }) : [];
  if (!pod || !sandbox) throw new HttpError(404, `pod not found ("${request.pod}_${request.namespace}")`);
  for await (const forwarded of acceptPortForward(request.incoming, request.socket, request.head, request.signal))
    void serveForwardedPort(forwarded, (port) => cri.openPort(sandbox.id, port), pod.metadata.uid ?? '');
}
