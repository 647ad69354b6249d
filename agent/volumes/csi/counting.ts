// How many volumes a node can have may change while a driver runs: one whose CSIDriver says so is asked anew every so often.
import type { Client } from '../../../kit/client/index.ts';
import type { Clock, Logger } from '../../../kit/run/index.ts';
import { settingsOf } from './from-api.ts';

/** So often it is looked whether the driver wishes to be asked. */
const LOOK_MS = 60_000;

interface CountingOptions {
  client: Client;
  clock: Clock;
  log: Logger;
}

/** `ask`: reads what the driver says now and tells it. Ends with the signal. */
export async function keepCounting(
  { client, clock, log }: CountingOptions,
  driver: string,
  ask: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const failed = (error: unknown) => log.debug({ err: error, driver }, 'volumes of the node not counted');
  while (!signal.aborted) {
    const settings = await settingsOf(client, driver).catch(failed);
    const periodSeconds = settings?.spec.nodeAllocatableUpdatePeriodSeconds;
    await clock.sleep(periodSeconds === undefined ? LOOK_MS : periodSeconds * 1000, signal).catch(() => {});
    if (periodSeconds !== undefined && !signal.aborted) await ask().catch(failed);
  }
}
