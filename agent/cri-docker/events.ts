// Docker's events as the agent's. After a break they are asked for from where they broke off: nothing is lost.
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { systemClock } from '../../kit/run/index.ts';
import type { CriEvent } from '../cri/index.ts';
import { LABEL } from './records.ts';

const AGAIN_MS = 500;
const TYPES: Record<string, CriEvent['type']> = { create: 'created', start: 'started', die: 'exited', destroy: 'removed' };

interface DockerEvent {
  Action: string;
  timeNano: number;
  Actor: { ID: string; Attributes: Record<string, string> };
}

/** Until the signal aborts; a Docker that is away is asked again. */
export async function watchDocker(docker: Docker, node: string, signal: AbortSignal, tell: (event: CriEvent) => void): Promise<void> {
  let since = systemClock.nowMs() / 1000;
  const filters = { type: ['container'], event: Object.keys(TYPES), label: [`${LABEL.kind}=container`, `${LABEL.node}=${node}`] };
  while (!signal.aborted) {
    try {
      const stream = (await docker.getEvents({ filters: JSON.stringify(filters) as never, since: since.toFixed(9) as never })) as Readable;
      const stop = () => stream.destroy();
      signal.addEventListener('abort', stop, { once: true });
      for await (const { Action, timeNano, Actor } of lines(stream)) {
        since = timeNano / 1e9 + 1e-6;
        const type = TYPES[Action];
        if (type) tell({ type, containerId: Actor.ID, sandboxId: Actor.Attributes[LABEL.sandboxId] ?? '' });
      }
      signal.removeEventListener('abort', stop);
    } catch {
      // the connection broke: asked again below
    }
    await systemClock.sleep(AGAIN_MS, signal).catch(() => {});
  }
}

async function* lines(stream: Readable): AsyncGenerator<DockerEvent> {
  let rest = '';
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    rest += chunk.toString();
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      if (end > 0) yield JSON.parse(rest.slice(0, end)) as DockerEvent;
      rest = rest.slice(end + 1);
    }
  }
}
