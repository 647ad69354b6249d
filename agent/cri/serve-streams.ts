// A client's streams joined to a session of ours: shared by the agent's API and the CRI's own streaming server.
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type CommandStatus, commandStatus, type ForwardedPort, type RemoteCommand } from '../../kit/net/index.ts';
import { systemClock } from '../../kit/run/index.ts';
import { messageOf } from './context.ts';
import type { Session } from './cri.ts';

/**
 * Runs the session to its end and tells the client how it ended.
 * @param what for the text of a failure: `error WHAT: …`
 * @param endsWith what the client is told in the end: the session's exit code, or plain success
 */
export async function serveSession(
  remote: RemoteCommand,
  what: string,
  open: () => Promise<Session>,
  endsWith: 'exit code' | 'success',
): Promise<void> {
  try {
    const session = await open();
    await join(remote, session);
    // A command that could not be started ends here too: its client waits for a status like any other.
    await remote.finish(endsWith === 'success' ? { metadata: {}, status: 'Success' } : commandStatus(await session.exit));
  } catch (error) {
    await remote.finish(failure(`error ${what}: ${messageOf(error)}`));
  } finally {
    // Whatever happened in between, the client's streams are closed.
    await remote.finish({ metadata: {}, status: 'Failure', message: 'session ended' });
  }
}

/** How long a process may go on after its client closed the connection. */
const AFTER_INPUT_MS = 2000;

/**
 * Copies until the process ends. A client that goes away first takes the process with it, but not at once: before v5, closing the
 * connection is how a client says that its input is complete, and what reads it should come to its end.
 */
async function join(remote: RemoteCommand, session: Session): Promise<void> {
  const over = new AbortController();
  const onGone = () => void systemClock.sleep(AFTER_INPUT_MS, over.signal).then(session.close, () => {});
  if (remote.signal.aborted) onGone();
  else remote.signal.addEventListener('abort', onGone, { once: true });
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
  over.abort();
}

const failure = (text: string): CommandStatus => ({
  metadata: {},
  status: 'Failure',
  message: `Internal error occurred: ${text}`,
  reason: 'InternalError',
  details: { causes: [{ message: text }] },
  code: 500,
});

/** Joins one connection of a port-forward to the port on the pod's loopback. `whose` names the pod in errors. */
export async function serveForwardedPort(forwarded: ForwardedPort, open: (port: number) => Promise<Duplex>, whose: string): Promise<void> {
  let socket: Duplex;
  try {
    socket = await open(forwarded.port);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === 'ECONNREFUSED' ? 'connection refused' : String(code ?? messageOf(error));
    forwarded.fail(
      `error forwarding port ${forwarded.port} to pod ${whose}, uid : failed to execute portforward in network namespace: failed to connect to localhost:${forwarded.port} inside namespace: dial tcp4 127.0.0.1:${forwarded.port}: connect: ${why}`,
    );
    return;
  }
  const { data } = forwarded;
  await Promise.all([pipeline(data, socket), pipeline(socket, data)]).catch(() => {});
  socket.destroy();
  data.destroy();
}
