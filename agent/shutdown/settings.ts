// Settings of the node's graceful shutdown, by kubelet's names. Pure.
import { SYSTEM_CRITICAL } from '../../kit/pods/index.ts';

export interface PriorityGrace {
  /** Of pods from this priority on, up to the next entry's. */
  priority: number;
  seconds: number;
}

export interface ShutdownSettings {
  /** In all; 0: pods end with the machine. */
  shutdownGracePeriodMs: number;
  /** Part of it that is kept for critical pods. */
  shutdownGracePeriodCriticalPodsMs: number;
  /** Instead of the two. */
  shutdownGracePeriodByPodPriority: { priority: number; shutdownGracePeriodSeconds: number }[];
}

export const shutdownDefaults: ShutdownSettings = {
  shutdownGracePeriodMs: 0,
  shutdownGracePeriodCriticalPodsMs: 0,
  shutdownGracePeriodByPodPriority: [],
};

/** @throws Error `field NAME: what is wrong` */
export function checkShutdown(given: Record<string, unknown>): void {
  const { shutdownGracePeriodMs: all, shutdownGracePeriodCriticalPodsMs: critical, shutdownGracePeriodByPodPriority: list } = given;
  for (const [field, value] of Object.entries({ shutdownGracePeriodMs: all, shutdownGracePeriodCriticalPodsMs: critical }))
    if (!isWhole(value) || (value > 0 && value < 1000))
      throw new Error(`field ${field}: must be 0 or at least 1000 milliseconds, is ${JSON.stringify(value)}`);
  if ((critical as number) > (all as number))
    throw new Error(`field shutdownGracePeriodCriticalPodsMs: must be at most shutdownGracePeriodMs (${all}), is ${critical}`);
  const isList = Array.isArray(list) && list.every((item) => Number.isInteger(item?.priority) && isWhole(item?.shutdownGracePeriodSeconds));
  if (!isList)
    throw new Error('field shutdownGracePeriodByPodPriority: must be a list of { priority, shutdownGracePeriodSeconds }, whole numbers');
  if (list.length > 0 && (all as number) > 0)
    throw new Error('field shutdownGracePeriodByPodPriority: cannot be set together with shutdownGracePeriodMs');
}

const isWhole = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

/** The groups in the order in which they end; none: no graceful shutdown. */
export function gracesOf(settings: ShutdownSettings): PriorityGrace[] {
  const { shutdownGracePeriodMs: all, shutdownGracePeriodCriticalPodsMs: critical, shutdownGracePeriodByPodPriority: list } = settings;
  const graces = list.map(({ priority, shutdownGracePeriodSeconds: seconds }) => ({ priority, seconds }));
  if (graces.length > 0) return graces.sort((a, b) => a.priority - b.priority);
  if (all === 0) return [];
  return [
    { priority: 0, seconds: Math.floor((all - critical) / 1000) },
    { priority: SYSTEM_CRITICAL, seconds: Math.floor(critical / 1000) },
  ];
}
