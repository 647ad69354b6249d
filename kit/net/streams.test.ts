import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { createWebSocketStream, WebSocket } from 'ws';
import { acceptPortForward } from './port-forward.ts';
import { acceptRemoteCommand } from './remote-command.ts';
import { SpdySession, type SpdyStream } from './spdy.ts';
import { commandStatus, type ForwardedPort, type RemoteCommand, type UpgradeRequest, type WantedStreams } from './streams.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(onUpgrade: (request: UpgradeRequest, socket: Duplex, head: Buffer) => void): Promise<number> {
  const server = createServer();
  servers.push(server);
  server.on('upgrade', onUpgrade);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** `cat` with a remark on stderr: echoes stdin and ends with code 3. */
async function echo(command: RemoteCommand): Promise<void> {
  command.stderr?.write('warning');
  if (command.stdin) for await (const chunk of command.stdin) command.stdout?.write(chunk);
  await command.finish(commandStatus(3));
}

const serveCommand = (wanted: Partial<WantedStreams>): Promise<number> =>
  serve((request, socket, head) => {
    void acceptRemoteCommand(request, socket, head, { stdin: false, stdout: false, stderr: false, tty: false, ...wanted }).then(
      echo,
      () => {},
    );
  });

function upgradeToSpdy(port: number, protocols: string[]): Promise<{ session: SpdySession; protocol: string | undefined }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      host: '127.0.0.1',
      port,
      method: 'POST',
      path: '/exec',
      headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocols },
    });
    request.on('upgrade', (response, socket, head) =>
      resolve({
        session: new SpdySession(socket, head, 'client', () => {}),
        protocol: response.headers['x-stream-protocol-version'] as string,
      }),
    );
    request.on('response', (response) => void text(response).then((body) => reject(new Error(`${response.statusCode} ${body}`))));
    request.on('error', reject);
    request.end();
  });
}

test('SPDY: stdin comes back on stdout, stderr apart, the exit code last', async () => {
  const port = await serveCommand({ stdin: true, stdout: true, stderr: true });
  const { session, protocol } = await upgradeToSpdy(port, ['v5.channel.k8s.io', 'v4.channel.k8s.io']);
  expect(protocol).toBe('v4.channel.k8s.io');
  const [error, stdin, stdout, stderr] = ['error', 'stdin', 'stdout', 'stderr'].map((streamtype) => session.open({ streamtype })) as [
    SpdyStream,
    SpdyStream,
    SpdyStream,
    SpdyStream,
  ];
  const big = 'x'.repeat(3_000_000);
  stdin.end(big);
  const [out, err, status] = await Promise.all([text(stdout), text(stderr), text(error)]);
  expect(out).toBe(big);
  expect(err).toBe('warning');
  expect(JSON.parse(status).details.causes).toEqual([{ reason: 'ExitCode', message: '3' }]);
});

test('SPDY: no common protocol is a 403 that names ours', async () => {
  const port = await serveCommand({ stdout: true });
  await expect(upgradeToSpdy(port, ['v9.channel.k8s.io'])).rejects.toThrow(
    '403 unable to upgrade: unable to negotiate protocol: client supports [v9.channel.k8s.io]',
  );
});

test('SPDY: terminal sizes arrive, the newest wins', async () => {
  const sizes = Promise.withResolvers<unknown>();
  const port = await serve((request, socket, head) => {
    void acceptRemoteCommand(request, socket, head, { stdin: false, stdout: true, stderr: false, tty: true }).then(async (command) => {
      for await (const size of command.resizes) {
        sizes.resolve(size);
        break;
      }
      await command.finish(commandStatus(0));
    });
  });
  const { session } = await upgradeToSpdy(port, ['v4.channel.k8s.io']);
  const [error, , resize] = ['error', 'stdout', 'resize'].map((streamtype) => session.open({ streamtype })) as [
    SpdyStream,
    SpdyStream,
    SpdyStream,
  ];
  resize.write('{"Width":1,"Height":2}\n{"Width":80,"Hei');
  resize.write('ght":24}\n');
  expect([
    { width: 1, height: 2 },
    { width: 80, height: 24 },
  ]).toContainEqual(await sizes.promise);
  expect(JSON.parse(await text(error))).toEqual({ metadata: {}, status: 'Success' });
});

test.each([
  ['v5.channel.k8s.io', true],
  ['v4.channel.k8s.io', false],
])('WebSocket %s: channels both ways, stdin closed: %s', async (protocol, closes) => {
  const port = await serveCommand({ stdin: closes, stdout: true, stderr: true });
  const socket = new WebSocket(`ws://127.0.0.1:${port}/exec`, protocol);
  const seen: Record<number, string> = {};
  socket.on('message', (data: Buffer) => {
    seen[data[0]!] = (seen[data[0]!] ?? '') + data.subarray(1).toString();
  });
  await new Promise((resolve) => socket.once('open', resolve));
  expect(socket.protocol).toBe(protocol);
  if (closes) {
    socket.send(Buffer.from('\x00hello '));
    socket.send(Buffer.from('\x00world'));
    socket.send(Buffer.from([255, 0]));
  }
  const code = await new Promise((resolve) => socket.once('close', resolve));
  expect(code).toBe(1000);
  expect(seen[1] ?? '').toBe(closes ? 'hello world' : '');
  expect(seen[2]).toBe('warning');
  expect(JSON.parse(seen[3]!).reason).toBe('NonZeroExitCode');
});

async function echoPorts(ports: AsyncIterable<ForwardedPort>): Promise<void> {
  for await (const { port, data, fail } of ports) {
    if (port === 81) fail('connection refused');
    else {
      data.write(`${port}:`);
      data.pipe(data);
    }
  }
}

function forward(session: SpdySession, port: number, requestid: string): { data: SpdyStream; error: SpdyStream } {
  const error = session.open({ streamtype: 'error', port: String(port), requestid });
  error.end();
  const data = session.open({ streamtype: 'data', port: String(port), requestid });
  return { data, error };
}

async function checkForwarding(session: SpdySession): Promise<void> {
  const one = forward(session, 80, '0');
  const two = forward(session, 80, '1');
  const bad = forward(session, 81, '2');
  one.data.end('one');
  two.data.end('x'.repeat(1_000_000));
  const [first, firstError, second, refused] = await Promise.all([one.data, one.error, two.data, bad.error].map((stream) => text(stream)));
  expect([first, firstError, second?.length, refused]).toEqual(['80:one', '', 1_000_003, 'connection refused']);
  session.close();
}

/** The library refuses sub-protocols with a slash: the header is set and read beside it. */
function openTunnel(port: number): Promise<WebSocket> {
  const name = 'sec-websocket-protocol';
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/portforward`, { headers: { [name]: 'SPDY/3.1+portforward.k8s.io' } });
  return new Promise((resolve, reject) => {
    webSocket.on('upgrade', ({ headers }) => {
      expect(headers[name]).toBe('SPDY/3.1+portforward.k8s.io');
      delete headers[name];
    });
    webSocket.on('open', () => resolve(webSocket));
    webSocket.on('error', reject);
  });
}

test('port-forward over SPDY: several connections in one session', async () => {
  const port = await serve((request, socket, head) => void echoPorts(acceptPortForward(request, socket, head)));
  const { session, protocol } = await upgradeToSpdy(port, ['portforward.k8s.io']);
  expect(protocol).toBe('portforward.k8s.io');
  await checkForwarding(session);
});

test('port-forward over SPDY within a WebSocket', async () => {
  const port = await serve((request, socket, head) => void echoPorts(acceptPortForward(request, socket, head)));
  const webSocket = await openTunnel(port);
  await checkForwarding(new SpdySession(createWebSocketStream(webSocket), Buffer.alloc(0), 'client', () => {}));
});

test.each(['v4.channel.k8s.io', 'v4.base64.channel.k8s.io'])('port-forward over the channels of a WebSocket, %s', async (protocol) => {
  const port = await serve((request, socket, head) => void echoPorts(acceptPortForward(request, socket, head)));
  const socket = new WebSocket(`ws://127.0.0.1:${port}/portforward?port=80&port=81`, protocol);
  const isText = protocol.includes('base64');
  const seen: Buffer[] = [];
  const echoed = Promise.withResolvers<void>();
  socket.on('message', (message: Buffer) => {
    const channel = isText ? message[0]! - 0x30 : message[0]!;
    const data = isText ? Buffer.from(message.subarray(1).toString(), 'base64') : message.subarray(1);
    seen[channel] = Buffer.concat([seen[channel] ?? Buffer.alloc(0), data]);
    if (seen[0]?.toString().endsWith('end')) echoed.resolve();
  });
  await new Promise((resolve) => socket.once('open', resolve));
  for (const part of ['to and ', 'fro, end'])
    socket.send(isText ? `0${Buffer.from(part).toString('base64')}` : Buffer.concat([Buffer.from([0]), Buffer.from(part)]));
  await echoed.promise;
  expect(seen.map((data) => data.readUInt16LE())).toEqual([80, 80, 81, 81]);
  expect(seen.map((data) => data.subarray(2).toString())).toEqual(['80:to and fro, end', '', '', 'connection refused']);
  socket.close();
});

test.each([
  ['/portforward', 'v4.channel.k8s.io', 400],
  ['/portforward?port=0', 'v4.channel.k8s.io', 400],
  ['/portforward?port=80', 'v9.channel.k8s.io', 403],
])('port-forward over WebSocket: %s with %s is refused with %i', async (path, protocol, status) => {
  const port = await serve((request, socket, head) => void echoPorts(acceptPortForward(request, socket, head)).catch(() => {}));
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocol);
  socket.on('error', () => {});
  const code = await new Promise((resolve) => socket.once('unexpected-response', (_, response) => resolve(response.statusCode)));
  expect(code).toBe(status);
});

test('the session ends when the client goes away', async () => {
  const gone = Promise.withResolvers<boolean>();
  const port = await serve((request, socket, head) => {
    void acceptRemoteCommand(request, socket, head, { stdin: true, stdout: true, stderr: false, tty: false }).then((command) => {
      command.signal.addEventListener('abort', () => gone.resolve(true));
    });
  });
  const socket = new WebSocket(`ws://127.0.0.1:${port}/exec`, 'v5.channel.k8s.io');
  await new Promise((resolve) => socket.once('open', resolve));
  socket.terminate();
  expect(await gone.promise).toBe(true);
});
