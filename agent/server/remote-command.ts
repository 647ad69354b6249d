// /exec and /attach: the client's streams joined to a process in the container.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { acceptRemoteCommand, type WantedStreams } from '../../kit/net/index.ts';
import { type ContainerStatus, type Cri, serveSession } from '../cri/index.ts';
import { type PodSource, runningContainer } from './find-container.ts';
import { HttpError } from './http-error.ts';

export interface RemoteRequest {
  namespace: string;
  pod: string;
  container: string;
  query: URLSearchParams;
  incoming: IncomingMessage;
  socket: Duplex;
  head: Buffer;
}

/** Runs a command to its end. @throws HttpError before the upgrade was accepted */
export async function execSession(cri: Cri, pods: PodSource, request: RemoteRequest): Promise<void> {
  const wanted = wantedStreams(request.query);
  const container = await found(cri, pods, request, wanted);
  if (!container) return;
  const remote = await acceptRemoteCommand(request.incoming, request.socket, request.head, wanted);
  await serveSession(
    remote,
    'executing command in container',
    () => cri.exec(container.id, request.query.getAll('command'), wanted),
    'exit code',
  );
}

/** Joins the main process until it or the client ends. @throws HttpError before the upgrade was accepted */
export async function attachSession(cri: Cri, pods: PodSource, request: RemoteRequest): Promise<void> {
  const container = await found(cri, pods, request, wantedStreams(request.query));
  if (!container) return;
  // The container decides whether there is a terminal, not the client.
  const wanted = { ...wantedStreams(request.query), tty: container.tty };
  if (wanted.tty) wanted.stderr = false;
  wanted.stdin &&= container.stdin;
  const remote = await acceptRemoteCommand(request.incoming, request.socket, request.head, wanted);
  await serveSession(remote, 'attaching to container', () => cri.attach(container.id, wanted), 'success');
}

/** A browser or kubectl over WebSocket cannot read a refused upgrade: it is told by the session's status instead. */
async function found(cri: Cri, pods: PodSource, request: RemoteRequest, wanted: WantedStreams): Promise<ContainerStatus | undefined> {
  try {
    return await runningContainer(cri, pods, request.namespace, request.pod, request.container);
  } catch (error) {
    const isWebSocket = String(request.incoming.headers.upgrade).toLowerCase() === 'websocket';
    if (!isWebSocket || !(error instanceof HttpError)) throw error;
    const remote = await acceptRemoteCommand(request.incoming, request.socket, request.head, wanted);
    const message = `unable to upgrade connection: ${error.message}`;
    await remote.finish({
      metadata: {},
      status: 'Failure',
      message,
      reason: 'InternalError',
      details: { causes: [{ message }] },
      code: 500,
    });
    return undefined;
  }
}

/** @throws HttpError 400 when it is none at all */
export function wantedStreams(query: URLSearchParams): WantedStreams {
  const has = (...names: string[]) => names.some((name) => ['1', 'true'].includes(query.get(name) ?? ''));
  const tty = has('tty');
  const wanted = { stdin: has('input', 'stdin'), stdout: has('output', 'stdout'), stderr: has('error', 'stderr') && !tty, tty };
  if (!wanted.stdin && !wanted.stdout && !wanted.stderr) throw new HttpError(400, 'you must specify at least 1 of stdin, stdout, stderr');
  return wanted;
}
