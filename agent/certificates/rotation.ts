// Keeps one certificate good: asks for the next one before its life ends, for as long as it takes; the present one is used until then.
import { rm } from 'node:fs/promises';
import type { Client } from '../../kit/client/index.ts';
import type { KeyPair } from '../../kit/net/index.ts';
import { type Clock, type Logger, untilItSucceeds } from '../../kit/run/index.ts';
import { lifeOf, renewalMs } from './life.ts';
import { writePair } from './pair-file.ts';
import { APPROVAL_TIMEOUT_MS, requestCertificate, type Wanted } from './request.ts';

export interface RotationOptions {
  client: Client;
  clock: Clock;
  log: Logger;
  wanted: Wanted;
  /** Where the certificate is kept with its key; `FILE.key` holds the key of a request that is under way. */
  file: string;
  /** From 0 to 1. */
  random(): number;
  /** The new one, once it is on disk. */
  use(pair: KeyPair): void;
  /** One more time there was none to be had. */
  failed?(): void;
}

/** Longest sleep: a machine may be suspended, and its clock may be set. */
const NAP_MS = 60_000;
/** However short its life is, a certificate is not replaced before. */
const REST_MS = 10_000;
const FAILURE = { baseMs: 1000, maxMs: 60_000 };

/** Until `signal` aborts. `present`: absent when one is needed at once. */
export async function rotate(options: RotationOptions, present: KeyPair | undefined, signal: AbortSignal): Promise<never> {
  const { clock, log, wanted } = options;
  const onFailure = (error: unknown) => {
    options.failed?.();
    log.warn({ err: error, certificate: wanted.usage }, 'no new certificate yet');
  };
  for (let pair = present; ; ) {
    if (pair) await untilDue(options, pair, signal);
    pair = await untilItSucceeds({ ...FAILURE, clock, signal, onFailure }, () => renew(options, signal));
    await clock.sleep(REST_MS, signal);
  }
}

async function untilDue({ clock, random }: RotationOptions, { cert }: KeyPair, signal: AbortSignal): Promise<void> {
  const dueMs = renewalMs(lifeOf(cert), random());
  for (let leftMs = dueMs - clock.nowMs(); leftMs > 0; leftMs = dueMs - clock.nowMs()) await clock.sleep(Math.min(leftMs, NAP_MS), signal);
}

/** One new certificate: asked for, on disk, in use. */
export async function renew({ client, log, wanted, file, use }: RotationOptions, signal: AbortSignal): Promise<KeyPair> {
  const keyFile = `${file}.key`;
  const pair = await requestCertificate(client, wanted, keyFile, AbortSignal.any([signal, AbortSignal.timeout(APPROVAL_TIMEOUT_MS)]));
  await writePair(file, pair);
  await rm(keyFile, { force: true });
  log.info({ certificate: wanted.usage, until: new Date(lifeOf(pair.cert).toMs).toISOString() }, 'new certificate');
  use(pair);
  return pair;
}
