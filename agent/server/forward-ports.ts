// /portForward: connections of the client to ports on the pod's own loopback.
import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connectInNetns } from '../../kit/linux/index.ts';
import { acceptPortForward, type ForwardedPort } from '../../kit/net/index.ts';
import type { Cri } from '../cri/index.ts';
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
  const netns = cri.netnsPath(sandbox.id);
  for await (const forwarded of acceptPortForward(request.incoming, request.socket, request.head, request.signal))
    void serve(forwarded, netns, pod.metadata.uid ?? '');
}

async function serve(forwarded: ForwardedPort, netns: string | undefined, uid: string): Promise<void> {
  let socket: Socket;
  try {
    socket = new Socket({ fd: connectInNetns(netns, forwarded.port), allowHalfOpen: true });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === 'ECONNREFUSED' ? 'connection refused' : String(code ?? error);
    forwarded.fail(
      `error forwarding port ${forwarded.port} to pod ${uid}, uid : failed to execute portforward in network namespace: failed to connect to localhost:${forwarded.port} inside namespace: dial tcp4 127.0.0.1:${forwarded.port}: connect: ${why}`,
    );
    return;
  }
  const { data } = forwarded;
  await Promise.all([pipeline(data, socket), pipeline(socket, data)]).catch(() => {});
  socket.destroy();
  data.destroy();
}
