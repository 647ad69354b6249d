// What exec, attach and port-forward look like to the server that answers them, whichever transport the client chose.
import type { Duplex, Readable, Writable } from 'node:stream';

/** The part of an HTTP/1.1 upgrade request that is looked at; `http.IncomingMessage` fits. */
export interface UpgradeRequest {
  method?: string | undefined;
  url?: string | undefined;
  headers: Record<string, string | string[] | undefined>;
}

/** Which streams the URL asked for. With `tty` stderr is never there. */
export interface WantedStreams {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/** Character cells. */
export interface TerminalSize {
  width: number;
  height: number;
}

/** What a session ends with; v4 and v5 protocols send it as JSON. Make it with `commandStatus` or `StatusError.toStatus`. */
export interface CommandStatus {
  metadata?: Record<string, unknown>;
  status?: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: { causes?: { reason?: string; message?: string; field?: string }[] };
  code?: number;
}

/** One exec or attach session. Streams that were not asked for are undefined. */
export interface RemoteCommand {
  /** `v5.channel.k8s.io` ... `v1.channel.k8s.io`, or '' (plain channel.k8s.io). */
  readonly protocol: string;
  /** Ends when the client closed its stdin (never by itself with protocols before v5 over WebSocket). */
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /** Latest terminal sizes; ends with the session. Only with a tty. */
  readonly resizes: AsyncIterable<TerminalSize>;
  /** Aborted when the client has gone away or the session is over. */
  readonly signal: AbortSignal;
  /** Sends what is left of stdout and stderr, then the status, then closes. Safe to repeat. */
  finish(status: CommandStatus): Promise<void>;
}

/** One connection of a port-forward session. */
export interface ForwardedPort {
  readonly port: number;
  /** Bytes both ways; half-close is kept. */
  readonly data: Duplex;
  /** Tells the client why (shown by kubectl) and closes both streams. */
  fail(message: string): void;
}

/** The protocol's text for a process that ended with `code`. */
export function commandStatus(code: number): CommandStatus {
  if (code === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  };
}
