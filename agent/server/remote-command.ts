// /exec and /attach: the client's streams joined to a process in the container.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { acceptRemoteCommand, type CommandStatus, commandStatus, type RemoteCommand, type WantedStreams } from '../../kit/net/index.ts';
import type { ContainerStatus, Cri, Session } from '../cri/index.ts';
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
  await using remote = disposable(await acceptRemoteCommand(request.incoming, request.socket, request.head, wanted));
  let session: Session;
  try {
    session = await cri.exec(container.id, request.query.getAll('command'), wanted);
  } catch (error) {
    await remote.finish(failure('executing command in container', error));
    return;
  }
  await join(remote, session);
  // A command that could not be started ends here too: its client waits for a status like any other.
  await remote.finish(await session.exit.then(commandStatus, (error: unknown) => failure('executing command in container', error)));
}

/** Joins the main process until it or the client ends. @throws HttpError before the upgrade was accepted */
export async function attachSession(cri: Cri, pods: PodSource, request: RemoteRequest): Promise<void> {
  const container = await found(cri, pods, request, wantedStreams(request.query));
  if (!container) return;
  // The container decides whether there is a terminal, not the client.
  const wanted = { ...wantedStreams(request.query), tty: container.tty };
  if (wanted.tty) wanted.stderr = false;
  wanted.stdin &&= container.stdin;
  await using remote = disposable(await acceptRemoteCommand(request.incoming, request.socket, request.head, wanted));
  let session: Session;
  try {
    session = await cri.attach(container.id, wanted);
  } catch (error) {
    await remote.finish(failure('attaching to container', error));
    return;
  }
  await join(remote, session);
  await remote.finish({ metadata: {}, status: 'Success' });
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

/** Copies until the process ends; when the client goes away first, the session is closed. */
async function join(remote: RemoteCommand, session: Session): Promise<void> {
  const onGone = () => session.close();
  remote.signal.addEventListener('abort', onGone, { once: true });
  void (async () => {
    for await (const { width, height } of remote.resizes) session.resize(width, height);
  })().catch(() => {});
  if (remote.stdin && session.stdin) void pipeline(remote.stdin, session.stdin).catch(() => {}); // the process may end before its input does
  const outputs = [
    [session.stdout, remote.stdout],
    [session.stderr, remote.stderr],
  ] as const;
  // The ends of the client's streams belong to `finish`, which sends the status after the last byte.
  const copies = outputs.map(([from, to]) => (from && to ? pipeline(from, to, { end: false }).catch(() => {}) : Promise.resolve()));
  await Promise.all([...copies, session.exit.catch(() => -1)]);
  remote.signal.removeEventListener('abort', onGone);
}

function wantedStreams(query: URLSearchParams): WantedStreams {
  const has = (...names: string[]) => names.some((name) => ['1', 'true'].includes(query.get(name) ?? ''));
  const tty = has('tty');
  return { stdin: has('input', 'stdin'), stdout: has('output', 'stdout'), stderr: has('error', 'stderr') && !tty, tty };
}

function failure(what: string, error: unknown): CommandStatus {
  const text = `error ${what}: ${error instanceof Error ? error.message : String(error)}`;
  return {
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${text}`,
    reason: 'InternalError',
    details: { causes: [{ message: text }] },
    code: 500,
  };
}

/** Whatever happens in between, the client's streams are closed. */
function disposable(remote: RemoteCommand): RemoteCommand & AsyncDisposable {
  return Object.assign(remote, {
    [Symbol.asyncDispose]: () => remote.finish({ metadata: {}, status: 'Failure', message: 'session ended' }),
  });
}
