// A resize of a running pod that its node could never give is refused at once, instead of waiting as infeasible for ever.
import { parseQuantity, quantityText, StatusError, toMilli } from '../../../api/meta/index.ts';
import type { AdmissionPlugin, Reader } from '../request.ts';
import { isResize, refused } from './attributes.ts';
import { podResources } from './quota/pod-resources.ts';

const NODES = { group: '', plural: 'nodes' };

export const podResize = (reader: Reader): AdmissionPlugin => ({
  name: 'PodResize',
  validate(attributes) {
    if (!isResize(attributes)) return undefined;
    const spec = attributes.object!['spec'];
    const node = reader.get(NODES, '', spec?.nodeName ?? '');
    const allocatable = (node?.['status']?.allocatable ?? {}) as Record<string, string>;
    const requests = podResources(spec, 'requests');
    const over = ['cpu', 'memory'].filter((name) => {
      const [asked, has] = [requests[name], allocatable[name]];
      return asked !== undefined && has !== undefined && toMilli(asked) > toMilli(has);
    });
    if (over.length === 0) return undefined;
    const texts = over.map((name) => `${name}, requested: ${quantityText(parseQuantity(requests[name]!))}, capacity: ${allocatable[name]}`);
    const { code, reason, message, details } = refused(
      attributes,
      `node "${node!.metadata.name}" does not have enough capacity: ${texts.join('; ')}`,
    );
    throw new StatusError(code, reason, message, { ...details, causes: [{ reason: 'NodeCapacity' }] });
  },
});
