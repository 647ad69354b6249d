// A pod that its node will not end. Pure.
import type { Node, Pod } from '../../../api/gen/types/core.v1.ts';
import { isOutOfService, isReady } from '../shared/out-of-service.ts';

/** Its agent is away, and somebody has said that nothing runs there: a deleted pod goes, and its volumes may move on. */
export const isGivenUp = (pod: Pod, node: Node): boolean => pod.metadata.deletionTimestamp !== undefined && isLost(node);

export const isLost = (node: Node): boolean => !isReady(node) && isOutOfService(node);
