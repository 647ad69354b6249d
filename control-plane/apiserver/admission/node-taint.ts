// A new node takes no pods before it is known to be ready.
import type { AdmissionPlugin } from '../request.ts';
import { concerns } from './attributes.ts';

const TAINT = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };

export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  admit(attributes) {
    if (!concerns(attributes, '', 'Node', 'CREATE')) return;
    const node = attributes.object!;
    const taints: { key: string; effect: string }[] = node['spec']?.taints ?? [];
    if (taints.some(({ key, effect }) => key === TAINT.key && effect === TAINT.effect)) return;
    node['spec'] = { ...node['spec'], taints: [...taints, { ...TAINT }] };
  },
};
