// What happened to containers: from the runtime's event stream where it has one, else by comparing its list each second. What happened
// while the connection was down is found by the same comparison.
import { repeat } from '../../kit/run/index.ts';
import type { ContainerStatus, CriEvent } from '../cri/index.ts';
import type * as wire from '../cri-grpc/gen/types.ts';
import { containerState } from '../cri-grpc/words.ts';
import { type Connection, isUnimplemented } from './connection.ts';

export type Seen = ReadonlyMap<string, { sandboxId: string; state: ContainerStatus['state'] }>;

const LOOK_EVERY_MS = 1_000;
const AGAIN_MS = 1_000;

/** Pure: what must have happened between two lists. */
export function changes(before: Seen, after: Seen): CriEvent[] {
  const events: CriEvent[] = [];
  for (const [containerId, { sandboxId, state }] of after) {
    const was = before.get(containerId)?.state;
    const add = (type: CriEvent['type']) => events.push({ type, containerId, sandboxId });
    if (was === undefined) add('created');
    if (state !== 'created' && (was === undefined || was === 'created')) add('started');
    if ((state === 'exited' || state === 'unknown') && was !== 'exited' && was !== 'unknown') add('exited');
  }
  for (const [containerId, { sandboxId }] of before) if (!after.has(containerId)) events.push({ type: 'removed', containerId, sandboxId });
  return events;
}

async function list(connection: Connection): Promise<Seen> {
  const { containers = [] } = await connection.call<wire.ListContainersResponse>('RuntimeService', 'ListContainers', { filter: {} });
  return new Map(containers.map((c) => [c.id ?? '', { sandboxId: c.podSandboxId ?? '', state: containerState(c.state) }]));
}

/** Watches until the signal aborts; every event goes to `tell`. Never fails: a runtime that is away is asked again. */
export async function watchContainers(connection: Connection, signal: AbortSignal, tell: (event: CriEvent) => void): Promise<void> {
  let seen = await list(connection).catch((): Seen => new Map());
  const compare = async () => {
    const now = await list(connection);
    for (const event of changes(seen, now)) tell(event);
    seen = now;
  };
  const ended = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => ended.resolve(), { once: true });
  const listening = new AbortController();
  const stop = AbortSignal.any([signal, listening.signal]);
  let hasStream = true;
  const listen = repeat(
    AGAIN_MS / 10,
    async () => {
      if (!hasStream) return listen.stop();
      try {
        for await (const _ of connection.stream<wire.ContainerEventResponse>('RuntimeService', 'GetContainerEvents', {}, stop))
          await compare();
      } catch (error) {
        if (isUnimplemented(error)) hasStream = false;
      }
    },
    () => {},
  );
  const look = repeat(LOOK_EVERY_MS, compare, () => {});
  await ended.promise;
  listening.abort();
  listen.stop();
  look.stop();
}
