// Begins the node's shutdown: when logind announces one, or on SIGPWR where there is no logind, or by hand.
import { type Logger, neverFails, type Service } from '../../kit/run/index.ts';
import { delayShutdown, followShutdowns, longestDelayMs, warnOfShortDelay } from './logind.ts';
import type { NodeShutdown } from './node-shutdown.ts';
import type { PriorityGrace } from './settings.ts';

export function shutdownService(shutdown: NodeShutdown, graces: readonly PriorityGrace[], log: Logger): Service {
  return {
    name: 'shutdown',
    async start() {
      const onSignal = () => {
        if (graces.length === 0) log.warn('SIGPWR: no graceful shutdown, for shutdownGracePeriodMs is 0');
        else shutdown.begin().catch((error: unknown) => log.error({ err: error }, 'pods not ended'));
      };
      process.on('SIGPWR', onSignal);
      const logind = graces.length > 0 ? await followLogind(shutdown, graces, log) : undefined;
      return {
        failed: neverFails,
        async stop() {
          process.off('SIGPWR', onSignal);
          await logind?.stop();
        },
      };
    },
  };
}

async function followLogind(
  shutdown: NodeShutdown,
  graces: readonly PriorityGrace[],
  log: Logger,
): Promise<{ stop(): Promise<void> } | undefined> {
  const delayMs = await longestDelayMs();
  if (delayMs === undefined) {
    log.info('no logind here: a graceful shutdown begins with SIGPWR');
    return undefined;
  }
  warnOfShortDelay(
    log,
    delayMs,
    graces.reduce((sum, { seconds }) => sum + seconds * 1000, 0),
  );
  let lock = await delayShutdown();
  const announced = async (goesDown: boolean) => {
    if (goesDown) {
      await shutdown.begin();
      await lock.release();
    } else {
      shutdown.cancel();
      await lock.release();
      lock = await delayShutdown();
    }
  };
  const following = await followShutdowns(
    (goesDown) => void announced(goesDown).catch((error: unknown) => log.error({ err: error, goesDown }, 'shutdown not followed')),
    () => log.error('logind is not followed any more: a graceful shutdown begins with SIGPWR'),
  );
  return {
    async stop() {
      following.stop();
      await lock.release();
    },
  };
}
