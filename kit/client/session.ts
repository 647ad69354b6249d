// One HTTP/2 session to a server, opened when needed, opened again with back-off when it dies, pinged while streams are open.
import http2 from 'node:http2';
import { isEstablished } from '../linux/index.ts';
import { backoffMs, systemClock } from '../run/index.ts';

/** How long a silent session is trusted, and how long a ping may take, in milliseconds (client-go uses the same). */
const IDLE_PING_MS = 30_000;
const PING_TIMEOUT_MS = 15_000;
/** How long a request waits before its connection is looked at, in milliseconds. */
const SUSPICION_MS = 1_000;
const WINDOW_BYTES = 8 * 1024 * 1024;

export interface SessionOptions {
  server: string;
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
}

export class Session {
  #options: SessionOptions;
  /** With an earlier certificate: nothing new begins on them. */
  readonly #retired = new Set<http2.ClientHttp2Session>();
  #session: http2.ClientHttp2Session | undefined;
  #opening: Promise<http2.ClientHttp2Session> | undefined;
  #failures = 0;
  #failedAtMs = 0;
  #closed = new AbortController();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** The live session; waits for the back-off of earlier failures first. Rejects when the connection fails. */
  async get(signal: AbortSignal): Promise<http2.ClientHttp2Session> {
    this.#closed.signal.throwIfAborted();
    const live = this.#session;
    if (live && !live.closed && !endIfReset(live)) return live;
    if (!this.#opening) {
      const opening = this.#open().finally(() => {
        if (this.#opening === opening) this.#opening = undefined;
      });
      opening.catch(() => {}); // each waiting request sees it below
      this.#opening = opening;
    }
    return await orAborted(this.#opening, signal);
  }

  async #open(): Promise<http2.ClientHttp2Session> {
    if (this.#failures > 0) {
      const waitMs = this.#failedAtMs + backoffMs(this.#failures, 50, 5_000) - systemClock.nowMs();
      if (waitMs > 0) await systemClock.sleep(waitMs, this.#closed.signal);
    }
    try {
      const options = this.#options;
      const session = await connect(options);
      this.#failures = 0;
      if (options !== this.#options) {
        session.destroy();
        return await this.#open();
      }
      this.#session = session;
      this.#keepAlive(session);
      return session;
    } catch (error) {
      this.#failures++;
      this.#failedAtMs = systemClock.nowMs();
      throw error;
    }
  }

  #keepAlive(session: http2.ClientHttp2Session): void {
    let heardAtMs = systemClock.nowMs();
    const timer = setInterval(() => {
      const sentAtMs = systemClock.nowMs();
      if (endIfReset(session)) return;
      if (sentAtMs - heardAtMs > IDLE_PING_MS + PING_TIMEOUT_MS)
        session.destroy(new Error(`no answer to a ping for ${PING_TIMEOUT_MS} ms`));
      else
        session.ping(() => {
          heardAtMs = systemClock.nowMs();
        });
    }, PING_TIMEOUT_MS);
    timer.unref();
    session.on('close', () => clearInterval(timer));
  }

  /** From now on with this certificate; what is under way goes on where it is. */
  useCertificate({ cert, key }: { cert: string; key: string }): void {
    this.#options = { ...this.#options, cert, key };
    const former = this.#session;
    this.#session = undefined;
    if (!former || former.destroyed) return;
    this.#retired.add(former);
    former.once('close', () => this.#retired.delete(former));
    former.close();
  }

  async close(): Promise<void> {
    this.#closed.abort(new Error('client is closed'));
    for (const former of this.#retired) former.destroy();
    const session = this.#session;
    this.#session = undefined;
    if (!session || session.destroyed) return;
    await new Promise<void>((resolve) => {
      session.once('close', () => resolve());
      session.destroy();
    });
  }
}

/** While a request waits for its answer: ends its session when the connection is gone. Dispose when the answer is there. */
export function suspicionOf(session: http2.ClientHttp2Session): Disposable {
  const timer = setInterval(() => endIfReset(session), SUSPICION_MS);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/**
 * Destroys a session whose connection is gone; true when it is destroyed. Node sees a reset itself, except one that meets its own write
 * under TLS (about one kill -9 of a busy server in a hundred, v24): then the session stays open, says nothing and sends nothing.
 */
function endIfReset(session: http2.ClientHttp2Session): boolean {
  if (!session.destroyed && !isEstablished(descriptorOf(session))) session.destroy(new Error('the connection was reset'));
  return session.destroyed;
}

function descriptorOf(session: http2.ClientHttp2Session): number {
  const { _handle: handle } = session.socket as unknown as { _handle?: { fd?: number } | null };
  return handle?.fd ?? -1;
}

function connect(options: SessionOptions): Promise<http2.ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(options.server, {
      ...(options.ca ? { ca: options.ca } : {}),
      ...(options.cert ? { cert: options.cert } : {}),
      ...(options.key ? { key: options.key } : {}),
      settings: { enablePush: false, initialWindowSize: WINDOW_BYTES },
    });
    const onError = (error: Error) => reject(error);
    session.once('error', onError);
    session.once('close', () => reject(new Error(`connection to ${options.server} closed`)));
    session.once('connect', () => {
      session.off('error', onError);
      session.on('error', () => {}); // the streams tell their callers
      session.setLocalWindowSize(2 * WINDOW_BYTES);
      resolve(session);
    });
    session.on('goaway', () => session.close());
  });
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
