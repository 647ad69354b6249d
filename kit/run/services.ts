// A process is a list of services: started in order, stopped in reverse; when one dies, all stop and the process says which.

export interface RunningService {
  /** Rejects when the service dies by itself; never resolves. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

export interface Service {
  readonly name: string;
  start(signal: AbortSignal): Promise<RunningService>;
}

/** A promise that never settles: for services that cannot die by themselves. */
export const neverFails: Promise<never> = new Promise<never>(() => {});

/**
 * Runs the services until `signal` aborts (resolves) or one of them fails (rejects, naming it).
 * `onReady` is called once all have started.
 */
export async function runServices(services: readonly Service[], signal: AbortSignal, onReady: () => void): Promise<void> {
  const started: { name: string; running: RunningService }[] = [];
  const stopAsked = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    for (const service of services) {
      const running = await service.start(signal).catch((cause: unknown) => {
        throw new Error(`${service.name} did not start: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
      });
      running.failed.catch(() => {}); // observed by the race below
      started.push({ name: service.name, running });
    }
    onReady();
    const deaths = started.map(({ name, running }) =>
      running.failed.catch((cause: unknown) => {
        throw new Error(`${name} failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
      }),
    );
    await Promise.race([stopAsked, ...deaths]);
  } finally {
    for (const { running } of started.reverse()) await running.stop().catch(() => {});
  }
}
