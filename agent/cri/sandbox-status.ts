// PodSandboxStatus and ListPodSandbox: from the record and from what is really pinned.
import { bootId, isPinned } from '../../kit/linux/index.ts';
import { type CriContext, matchesLabels, mustSandbox, sandboxFile } from './context.ts';
import type { PodSandboxStatus, SandboxFilter } from './cri.ts';
import type { SandboxRecord } from './records.ts';

export const podSandboxStatus = (context: CriContext, id: string): PodSandboxStatus => statusOf(context, mustSandbox(context, id));

export function listPodSandbox(context: CriContext, filter: SandboxFilter = {}): PodSandboxStatus[] {
  return context.sandboxes
    .all()
    .filter(
      ({ id, config }) =>
        (!filter.id || id === filter.id) &&
        (!filter.podUid || config.metadata.uid === filter.podUid) &&
        matchesLabels(config.labels, filter.labels),
    )
    .map((record) => statusOf(context, record))
    .filter(({ state }) => !filter.state || state === filter.state);
}

/** A record alone is not enough: a boot takes the pinned namespaces away. */
export function isSandboxReady(context: CriContext, record: SandboxRecord): boolean {
  if (record.state !== 'ready' || record.bootId !== thisBoot()) return false;
  return record.config.linux?.namespaces?.network === 'node' || isPinned(sandboxFile(context, record.id, 'net'));
}

let boot: string | undefined;
const thisBoot = (): string => (boot ??= bootId());

function statusOf(context: CriContext, record: SandboxRecord): PodSandboxStatus {
  const { id, config, createdAtMs, ips } = record;
  return {
    id,
    metadata: config.metadata,
    state: isSandboxReady(context, record) ? 'ready' : 'notready',
    createdAtMs,
    ips: [...ips],
    labels: config.labels ?? {},
    annotations: config.annotations ?? {},
    namespaces: config.linux?.namespaces ?? {},
    runtimeHandler: config.runtimeHandler ?? '',
  };
}
