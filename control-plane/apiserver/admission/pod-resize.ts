// A resize of a bound pod that its node could never give is refused at once, instead of waiting as infeasible for ever.
import { StatusError, toMilli } from '../../../api/meta/index.ts';
import type { AdmissionPlugin, Attributes, Reader } from '../request.ts';
import { isResize, refused } from './attributes.ts';
import { podResources } from './quota/pod-resources.ts';

const NODES = { group: '', plural: 'nodes' };

/** In the units that refusals tell. */
const WHOLE: Record<'cpu' | 'memory', (quantity: string) => bigint> = {
  cpu: toMilli,
  memory: (quantity) => (toMilli(quantity) + 999n) / 1000n,
};

export const podResize = (reader: Reader): AdmissionPlugin => ({
  name: 'PodResize',
  validate(attributes) {
    if (!isResize(attributes)) return undefined;
    const spec = attributes.object!['spec'];
    if (!spec?.nodeName || attributes.oldObject?.metadata.generation === attributes.object!.metadata.generation) return undefined;
    const node = reader.get(NODES, '', spec.nodeName);
    if (!node) throw refused(attributes, `node "${spec.nodeName}" not found`);
    const os = node.metadata.labels?.['kubernetes.io/os'] ?? 'linux';
    if (os !== 'linux')
      throw because('UnsupportedPlatform', attributes, `pod resize is only supported on linux nodes, node "${spec.nodeName}" is "${os}"`);
    const allocatable = (node['status']?.allocatable ?? {}) as Record<string, string>;
    const requests = podResources(spec, 'requests');
    const lacks = (['cpu', 'memory'] as const).flatMap((name) => {
      const [asked, has] = [WHOLE[name](requests[name] ?? '0'), WHOLE[name](allocatable[name] ?? '0')];
      return asked > has ? [`${name}, requested: ${asked}, allocatable: ${has}`] : [];
    });
    if (lacks.length > 0) throw because('NodeCapacity', attributes, `node didn't have enough allocatable resources: ${lacks.join('; ')}`);
    return undefined;
  },
});

function because(cause: string, attributes: Attributes, why: string): StatusError {
  const { code, reason, message, details } = refused(attributes, why);
  return new StatusError(code, reason, message, { ...details, causes: [{ reason: cause }] });
}
