// Which status need not be written at once: the pod has got its network, and its first container starts in the next moments.
// Its end says the same and more, so a start takes one write and one event at every watcher less. Pure.
import type { PodCondition, PodStatus } from '../../api/gen/types/core.v1.ts';
import { deepEqual } from '../../api/meta/index.ts';

/** A start that takes longer (it waits for its image or a volume) is told about in between, as the kubelet does. */
export const HOLD_MS = 100;

const NETWORK = 'PodReadyToStartContainers';

/** `after` differs from `before`, which the API server has, in nothing but the network that the pod has got. */
export function tellsNetworkOnly(before: PodStatus, after: PodStatus): boolean {
  const had = networkOf(before);
  return had?.status === 'False' && networkOf(after)?.status === 'True' && deepEqual(withoutNetwork(before), withoutNetwork(after));
}

/** Keys of steps under way. */
export const isStarting = (busy: Iterable<string>): boolean =>
  [...busy].some((key) => key === 'set-up-volumes' || key.startsWith('start-container'));

const networkOf = ({ conditions = [] }: PodStatus): PodCondition | undefined => conditions.find(({ type }) => type === NETWORK);

function withoutNetwork({ podIP: _, podIPs: __, conditions = [], ...rest }: PodStatus): PodStatus {
  return { ...rest, conditions: conditions.filter(({ type }) => type !== NETWORK) };
}
