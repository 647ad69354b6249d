import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DbusConnection } from './connection.ts';
import { decodeMessage, encodeMessage, type Message, messageLength } from './message.ts';

let folder: string;
let server: Server;
const calls: Message[] = [];
beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/wherry-dbus-`);
  calls.length = 0;
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

/** A peer that answers each call, after the greeting, as `answer` says. */
async function peer(answer: (call: Message, socket: Socket) => void, greeting = 'OK 0123\r\n'): Promise<string> {
  server = createServer((socket) => {
    let received = Buffer.alloc(0);
    let begun = false;
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      const begin = received.indexOf('BEGIN\r\n');
      if (!begun && begin < 0) {
        socket.write(greeting);
        return;
      }
      if (!begun) received = received.subarray(begin + 'BEGIN\r\n'.length);
      begun = true;
      for (let length = messageLength(received); length !== undefined && received.length >= length; length = messageLength(received)) {
        const call = decodeMessage(received.subarray(0, length));
        received = received.subarray(length);
        calls.push(call);
        answer(call, socket);
      }
    });
  });
  const path = `${folder}/socket`;
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

const call = { destination: 'a.b', path: '/a', interface: 'a.b.C', member: 'Do', signature: 's', body: ['x'] };
const said = (replyTo: number, text: string): Buffer => encodeMessage({ type: 'answer', serial: 1, replyTo, signature: 's', body: [text] });

test('calls are answered, whatever the order', async () => {
  const waiting: number[] = [];
  const path = await peer(({ serial }, socket) => {
    waiting.unshift(serial);
    if (waiting.length === 2) for (const replyTo of waiting) socket.write(said(replyTo, `to ${replyTo}`));
  });
  const connection = await DbusConnection.open(path, { isBus: false });
  expect(await Promise.all([connection.call(call), connection.call(call)])).toEqual([['to 1'], ['to 2']]);
  expect(calls[0]).toMatchObject({ path: '/a', interface: 'a.b.C', member: 'Do', body: ['x'] });
  expect(calls[0]).not.toHaveProperty('destination');
  connection.close();
});

test('a bus is greeted, and told who is meant', async () => {
  const path = await peer(({ serial }, socket) => socket.write(said(serial, ':1.5')));
  const connection = await DbusConnection.open(path, { isBus: true });
  await connection.match("type='signal'");
  await connection.call(call);
  expect(calls.map(({ destination, member }) => [destination, member])).toEqual([
    ['org.freedesktop.DBus', 'Hello'],
    ['org.freedesktop.DBus', 'AddMatch'],
    ['a.b', 'Do'],
  ]);
  connection.close();
});

test('a signal is heard though it comes in pieces', async () => {
  const signal = encodeMessage({ type: 'signal', serial: 9, path: '/a', interface: 'a.b.C', member: 'Done', signature: 's', body: ['y'] });
  const path = await peer(({ serial }, socket) => {
    socket.write(signal.subarray(0, 21));
    socket.write(Buffer.concat([signal.subarray(21), said(serial, 'ok')]));
  });
  const connection = await DbusConnection.open(path, { isBus: false });
  const heard: Message[] = [];
  const off = connection.onSignal((message) => heard.push(message));
  await connection.call(call);
  expect(heard).toMatchObject([{ member: 'Done', body: ['y'] }]);
  off();
  await connection.call(call);
  expect(heard).toHaveLength(1);
  connection.close();
});

test('an answer that says no', async () => {
  const error = 'org.freedesktop.systemd1.NoSuchUnit';
  const path = await peer(({ serial }, socket) =>
    socket.write(encodeMessage({ type: 'error', serial: 1, replyTo: serial, error, signature: 's', body: ['Unit x not loaded.'] })),
  );
  const connection = await DbusConnection.open(path, { isBus: false });
  await expect(connection.call(call)).rejects.toMatchObject({ code: error, message: 'Unit x not loaded.' });
  connection.close();
});

test('who waits is told when the other ends, and who calls later', async () => {
  const path = await peer((_, socket) => socket.destroy());
  const connection = await DbusConnection.open(path, { isBus: false });
  await expect(connection.call(call)).rejects.toThrow(`the D-Bus connection to ${path} has ended`);
  expect(connection.isClosed).toBe(true);
  await expect(connection.call(call)).rejects.toThrow('has ended');
});

test('nobody there, and somebody who refuses us', async () => {
  const path = await peer(() => {}, 'REJECTED ANONYMOUS\r\n');
  await expect(DbusConnection.open(path, { isBus: false })).rejects.toThrow('D-Bus refuses us: REJECTED ANONYMOUS');
  await expect(DbusConnection.open(`${folder}/none`, { isBus: false })).rejects.toThrow('ENOENT');
});

test('nonsense ends the connection', async () => {
  const path = await peer((_, socket) => socket.write('x'.repeat(64)));
  const connection = await DbusConnection.open(path, { isBus: false });
  await expect(connection.call(call)).rejects.toThrow('not a little-endian D-Bus message');
});
