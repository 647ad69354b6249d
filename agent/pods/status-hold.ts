// Which status need not be written at once, because the next one says the same and more: a start takes one write, and one event at every
// watcher, less, and what is written is sent while the runtime makes the container, when the node would only wait. Pure.
import type { PodCondition, PodStatus } from '../../api/gen/types/core.v1.ts';
import { deepEqual } from '../../api/meta/index.ts';

/** The first status of all: by then the containers of a pod whose image is here run. */
const FIRST_MS = 250;
/** The network alone: who waits longer, for an image or a volume, is told about it in between. */
const NETWORK_MS = 1000;

/** A container that the node replaces by one with another image: its end is told with its next start, as upstream tells it. */
const REPLACED_MS = 2000;

const NETWORK = 'PodReadyToStartContainers';

/**
 * How long `after` may wait when the API server has `before`, in milliseconds. `busy`: keys of the steps under way; `replaced`: names of
 * containers that have ended to start with another image, and are ready once they run.
 */
export function holdMs(before: PodStatus, after: PodStatus, busy: Iterable<string>, replaced: readonly string[] = []): number {
  const keys = [...busy];
  if (!keys.some(isStart)) return 0;
  if (replaced.some((name) => keys.includes(`start-container ${name}`))) return REPLACED_MS;
  if (before.startTime === undefined) return tellsProgress(after) ? 0 : FIRST_MS;
  return tellsNetworkOnly(before, after) ? NETWORK_MS : 0;
}

const isStart = (key: string): boolean => key === 'create-sandbox' || key === 'set-up-volumes' || key.startsWith('start-container');

/** All containers run, or an init container does, after which others will take their time. */
const tellsProgress = ({ phase, initContainerStatuses = [] }: PodStatus): boolean =>
  phase !== 'Pending' || initContainerStatuses.some(({ state }) => state?.running || state?.terminated);

function tellsNetworkOnly(before: PodStatus, after: PodStatus): boolean {
  const had = networkOf(before);
  return had?.status === 'False' && networkOf(after)?.status === 'True' && deepEqual(withoutNetwork(before), withoutNetwork(after));
}

const networkOf = ({ conditions = [] }: PodStatus): PodCondition | undefined => conditions.find(({ type }) => type === NETWORK);

function withoutNetwork({ podIP: _, podIPs: __, conditions = [], ...rest }: PodStatus): PodStatus {
  return { ...rest, conditions: conditions.filter(({ type }) => type !== NETWORK) };
}
