// SPDY/3.1 sessions over any byte stream: what remote commands and port-forward use. No flow control windows, as no
// Kubernetes client honours them: a stream that is not read stops the whole session instead.
import { Duplex } from 'node:stream';
import { systemClock } from '../run/index.ts';
import { HeaderReader, type Headers, HeaderWriter } from './spdy-headers.ts';

const TYPE = { synStream: 1, synReply: 2, rstStream: 3, settings: 4, ping: 6, goAway: 7, headers: 8 };
const FIN = 1;
const RESET_CANCEL = 5;
/** One frame's data; the length field has 24 bits. */
const MAX_DATA_BYTES = 1 << 20;
const MAX_STREAMS = 4096;
/** What one stream may hold unread before it stops the others. */
const STREAM_BUFFER_BYTES = 256 * 1024;
/** How long the other side may take to close after we did. */
const CLOSE_TIMEOUT_MS = 5000;

export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: Headers;
  readonly #session: SpdySession;
  #wanted: (() => void) | undefined;
  #finished = false;

  constructor(session: SpdySession, id: number, headers: Headers) {
    super({ allowHalfOpen: true, readableHighWaterMark: STREAM_BUFFER_BYTES });
    this.#session = session;
    this.id = id;
    this.headers = headers;
    this.on('error', () => {}); // the session's end is told by its signal
  }

  override _read(): void {
    this.#wanted?.();
    this.#wanted = undefined;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#session.sendData(this.id, chunk, false, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#finished = true;
    this.#session.sendData(this.id, Buffer.alloc(0), true, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#wanted?.();
    this.#session.forget(this.id, !this.#finished || !this.readableEnded);
    done(error);
  }

  /** Resolves when more may come. */
  async deliver(data: Buffer, last: boolean): Promise<void> {
    if (this.destroyed || this.readableEnded) return;
    if (data.length > 0 && !this.push(data)) {
      await new Promise<void>((resolve) => {
        this.#wanted = resolve;
      });
    }
    if (last && !this.destroyed) this.push(null);
  }
}

export class SpdySession {
  readonly #socket: Duplex;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #writer = new HeaderWriter();
  readonly #reader = new HeaderReader();
  readonly #gone = new AbortController();
  readonly #onStream: (stream: SpdyStream) => void;
  #nextId: number;
  #closing = false;
  #lastPeerId = 0;

  /** `head`: bytes that were read after the upgrade. `onStream` gets the streams that the other side opens. */
  constructor(socket: Duplex, head: Uint8Array, role: 'server' | 'client', onStream: (stream: SpdyStream) => void) {
    this.#socket = socket;
    this.#nextId = role === 'server' ? 2 : 1;
    this.#onStream = onStream;
    socket.on('error', () => {});
    void this.#run(head);
  }

  /** Aborted when the session is over. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  open(headers: Headers): SpdyStream {
    const stream = new SpdyStream(this, this.#nextId, headers);
    this.#nextId += 2;
    this.#streams.set(stream.id, stream);
    const ids = Buffer.alloc(10);
    ids.writeUInt32BE(stream.id);
    this.#control(TYPE.synStream, 0, Buffer.concat([ids, this.#writer.write(headers)]));
    return stream;
  }

  /** Says good-bye, sends what is queued and waits a little for the other side to close. */
  close(): void {
    if (this.#closing || this.#gone.signal.aborted) return;
    this.#closing = true;
    const body = Buffer.alloc(8);
    body.writeUInt32BE(this.#lastPeerId);
    this.#control(TYPE.goAway, 0, body);
    this.#socket.end();
    void systemClock
      .sleep(CLOSE_TIMEOUT_MS, this.#gone.signal)
      .then(() => this.#socket.destroy())
      .catch(() => {});
  }

  sendData(id: number, data: Buffer, last: boolean, done: (error?: Error | null) => void): void {
    if (!this.#streams.has(id) || !this.#socket.writable) {
      done(new Error('the SPDY stream is closed'));
      return;
    }
    let at = 0;
    do {
      const part = data.subarray(at, at + MAX_DATA_BYTES);
      at += part.length;
      const isLast = at >= data.length;
      const header = Buffer.alloc(8);
      header.writeUInt32BE(id);
      header.writeUInt32BE((((last && isLast ? FIN : 0) << 24) | part.length) >>> 0, 4);
      this.#socket.write(Buffer.concat([header, part]), isLast ? done : undefined);
    } while (at < data.length);
  }

  /** Called by a stream that is destroyed. */
  forget(id: number, reset: boolean): void {
    if (!this.#streams.delete(id) || !reset || !this.#socket.writable) return;
    const body = Buffer.alloc(8);
    body.writeUInt32BE(id);
    body.writeUInt32BE(RESET_CANCEL, 4);
    this.#control(TYPE.rstStream, 0, body);
  }

  #control(type: number, flags: number, body: Buffer): void {
    if (!this.#socket.writable) return;
    const header = Buffer.alloc(8);
    header.writeUInt16BE(0x8003);
    header.writeUInt16BE(type, 2);
    header.writeUInt32BE(((flags << 24) | body.length) >>> 0, 4);
    this.#socket.write(Buffer.concat([header, body]));
  }

  async #run(head: Uint8Array): Promise<void> {
    let rest: Buffer = Buffer.from(head);
    const eat = async (): Promise<void> => {
      while (rest.length >= 8) {
        const length = rest.readUIntBE(5, 3);
        if (rest.length < 8 + length) return;
        const frame = rest.subarray(0, 8 + length);
        rest = rest.subarray(8 + length);
        await this.#frame(frame);
      }
    };
    try {
      await eat();
      for await (const chunk of this.#socket as AsyncIterable<Buffer>) {
        rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        await eat();
      }
    } catch {
      // A broken connection ends the session like a closed one.
    } finally {
      this.#end();
    }
  }

  #end(): void {
    this.#gone.abort(new Error('the connection was closed'));
    this.#reader.close();
    for (const stream of [...this.#streams.values()]) {
      this.#streams.delete(stream.id);
      stream.destroy();
    }
    this.#socket.destroy();
  }

  async #frame(frame: Buffer): Promise<void> {
    const flags = frame[4] as number;
    const body = frame.subarray(8);
    if (((frame[0] as number) & 0x80) === 0) {
      await this.#streams.get(frame.readUInt32BE(0) & 0x7fffffff)?.deliver(body, (flags & FIN) !== 0);
      return;
    }
    const type = frame.readUInt16BE(2);
    const id = body.length >= 4 ? body.readUInt32BE(0) & 0x7fffffff : 0;
    if (type === TYPE.synStream) await this.#opened(id, flags, body.subarray(10));
    else if (type === TYPE.synReply || type === TYPE.headers) {
      await this.#reader.read(body.subarray(4)); // keeps the inflater in step
      if (flags & FIN) await this.#streams.get(id)?.deliver(Buffer.alloc(0), true);
    } else if (type === TYPE.rstStream) {
      const stream = this.#streams.get(id);
      this.#streams.delete(id);
      stream?.destroy();
    } else if (type === TYPE.ping && id % 2 !== this.#nextId % 2) this.#control(TYPE.ping, 0, Buffer.from(body));
  }

  async #opened(id: number, flags: number, block: Buffer): Promise<void> {
    const headers = await this.#reader.read(block);
    this.#lastPeerId = id;
    if (this.#closing || this.#streams.size >= MAX_STREAMS) {
      const refuse = Buffer.alloc(8);
      refuse.writeUInt32BE(id);
      refuse.writeUInt32BE(3, 4);
      this.#control(TYPE.rstStream, 0, refuse);
      return;
    }
    const stream = new SpdyStream(this, id, headers);
    this.#streams.set(id, stream);
    const ids = Buffer.alloc(4);
    ids.writeUInt32BE(id);
    this.#control(TYPE.synReply, 0, Buffer.concat([ids, this.#writer.write({})]));
    this.#onStream(stream);
    if (flags & FIN) await stream.deliver(Buffer.alloc(0), true);
  }
}
