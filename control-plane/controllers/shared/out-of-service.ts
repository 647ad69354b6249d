// A node of which somebody has said that it is off and stays so for now. Pure.
import type { Node } from '../../../api/gen/types/core.v1.ts';

const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';

export const isOutOfService = ({ spec }: Node): boolean => spec?.taints?.some(({ key }) => key === OUT_OF_SERVICE) ?? false;

export const isReady = ({ status }: Node): boolean =>
  status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
