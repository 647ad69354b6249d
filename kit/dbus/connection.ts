// A client of D-Bus on a Unix socket: a bus, or a program that speaks D-Bus without one (systemd's own socket).
import { createConnection, type Socket } from 'node:net';
import { systemClock } from '../run/index.ts';
import { decodeMessage, encodeMessage, type Message, messageLength } from './message.ts';
import type { Value } from './wire.ts';

/** An answer that says no. */
export class DbusError extends Error {
  /** `org.freedesktop.systemd1.NoSuchUnit` */
  readonly code: string;
  constructor(code: string, message: string) {
    super(message === '' ? code : message);
    this.name = 'DbusError';
    this.code = code;
  }
}

export interface Call {
  destination: string;
  path: string;
  interface: string;
  member: string;
  signature?: string;
  body?: readonly Value[];
}

const CALL_TIMEOUT_MS = 30_000;
const BUS = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus' };

export class DbusConnection {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, PromiseWithResolvers<readonly Value[]>>();
  readonly #listeners = new Set<(signal: Message) => void>();
  readonly #isBus: boolean;
  /** Who is told of the connection's end. A promise that all of them wait for would keep what each waited for as long as it lasts. */
  readonly #enders = new Set<(error: Error) => void>();
  #received: Buffer = Buffer.alloc(0);
  #greeted: PromiseWithResolvers<void> | undefined = Promise.withResolvers();
  #serial = 0;
  #busy = 0;
  /** Why it is over. */
  #endedBy: Error | undefined;

  private constructor(path: string, isBus: boolean) {
    this.#isBus = isBus;
    this.#socket = createConnection(path);
    this.#socket.on('data', (bytes) => this.#take(bytes));
    this.#socket.on('error', (error) => this.#end(error));
    this.#socket.on('close', () => this.#end(new Error(`the D-Bus connection to ${path} has ended`)));
    // SASL EXTERNAL: the kernel tells who we are; the name is the user id's text in hexadecimal
    const user = Buffer.from(String(process.getuid?.() ?? 0)).toString('hex');
    this.#socket.write(`\0AUTH EXTERNAL ${user}\r\n`);
  }

  /** `isBus`: others are behind the socket, and it wants to be greeted. @throws Error when nobody is there, or refuses us */
  static async open(path: string, { isBus }: { isBus: boolean }): Promise<DbusConnection> {
    const connection = new DbusConnection(path, isBus);
    try {
      await connection.within(connection.#greeted!.promise, `an answer of ${path}`);
      if (isBus) await connection.call({ ...BUS, member: 'Hello' });
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  get isClosed(): boolean {
    return this.#endedBy !== undefined;
  }

  /** @throws DbusError with the other's word, Error when there is no answer within half a minute */
  async call(call: Call): Promise<readonly Value[]> {
    if (this.#endedBy) throw this.#endedBy;
    const serial = ++this.#serial;
    const { destination, ...others } = call;
    const answer = Promise.withResolvers<readonly Value[]>();
    this.#waiting.set(serial, answer);
    this.#socket.write(encodeMessage({ type: 'call', serial, body: [], ...others, ...(this.#isBus ? { destination } : {}) }));
    try {
      return await this.within(answer.promise, `an answer to ${call.interface}.${call.member}`);
    } finally {
      this.#waiting.delete(serial);
    }
  }

  /** Waits for what this connection will tell. @throws Error when the connection ends, or after half a minute */
  async within<T>(promise: Promise<T>, what: string): Promise<T> {
    if (this.#endedBy) throw this.#endedBy;
    const over = new AbortController();
    const late = systemClock.sleep(CALL_TIMEOUT_MS, over.signal).then(
      () => {
        throw new Error(`D-Bus: timed out after ${CALL_TIMEOUT_MS} ms waiting for ${what}`);
      },
      () => undefined as never,
    );
    const { promise: ended, reject } = Promise.withResolvers<never>();
    this.#busy++;
    this.#socket.ref();
    this.#enders.add(reject);
    try {
      return await Promise.race([promise, ended, late]);
    } finally {
      over.abort();
      this.#enders.delete(reject);
      if (--this.#busy === 0) this.#socket.unref(); // idle, it keeps no process alive
    }
  }

  /** Signals that match are sent to us; without a bus all are. */
  async match(rule: string): Promise<void> {
    if (this.#isBus) await this.call({ ...BUS, member: 'AddMatch', signature: 's', body: [rule] });
  }

  /** Returns what ends it. */
  onSignal(listener: (signal: Message) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Or until `signal` aborts. Does not keep the process alive. */
  async untilClosed(signal: AbortSignal): Promise<void> {
    if (this.#endedBy || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const over = () => resolve();
    signal.addEventListener('abort', over);
    this.#enders.add(over);
    await promise;
    signal.removeEventListener('abort', over);
    this.#enders.delete(over);
  }

  close(): void {
    this.#end(new Error('the D-Bus connection was closed'));
  }

  #end(error: Error): void {
    if (this.#endedBy) return;
    this.#endedBy = error;
    this.#socket.destroy();
    for (const tell of this.#enders) tell(error);
  }

  #take(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    try {
      if (this.#greeted) this.#greet(this.#greeted);
      else this.#readMessages();
    } catch (error) {
      this.#end(error as Error);
    }
  }

  /** One line, `OK` with the other's id; from then on messages. */
  #greet(greeted: PromiseWithResolvers<void>): void {
    const end = this.#received.indexOf('\r\n');
    if (end < 0) return;
    const line = this.#received.toString('utf8', 0, end);
    if (!line.startsWith('OK')) throw new Error(`D-Bus refuses us: ${line}`);
    this.#received = this.#received.subarray(end + 2);
    this.#greeted = undefined;
    this.#socket.write('BEGIN\r\n');
    greeted.resolve();
  }

  #readMessages(): void {
    for (;;) {
      const length = messageLength(this.#received);
      if (length === undefined || this.#received.length < length) return;
      const message = decodeMessage(this.#received.subarray(0, length));
      this.#received = this.#received.subarray(length);
      this.#deliver(message);
    }
  }

  #deliver(message: Message): void {
    if (message.type === 'signal') for (const listener of this.#listeners) listener(message);
    const waiting = this.#waiting.get(message.replyTo ?? 0);
    if (message.type === 'answer') waiting?.resolve(message.body);
    if (message.type === 'error') waiting?.reject(new DbusError(message.error ?? '', String(message.body[0] ?? '')));
  }
}
