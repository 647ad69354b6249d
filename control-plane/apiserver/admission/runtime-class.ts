// A pod's RuntimeClass adds its overhead and says where such pods run.
import { deepEqual, StatusError } from '../../../api/meta/index.ts';
import type { AdmissionPlugin, Attributes, Reader } from '../request.ts';
import { concerns, refused } from './attributes.ts';

const CLASSES = { group: 'node.k8s.io', plural: 'runtimeclasses' };

function addScheduling(attributes: Attributes, scheduling: Record<string, any> | undefined): void {
  const spec = attributes.object!['spec'];
  for (const [key, value] of Object.entries((scheduling?.['nodeSelector'] ?? {}) as Record<string, string>)) {
    if (spec.nodeSelector?.[key] !== undefined && spec.nodeSelector[key] !== value)
      throw refused(
        attributes,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${spec.nodeSelector[key]}`,
      );
    spec.nodeSelector = { ...spec.nodeSelector, [key]: value };
  }
  const tolerations = (scheduling?.['tolerations'] ?? []) as object[];
  const fresh = tolerations.filter((wanted) => !(spec.tolerations ?? []).some((own: object) => deepEqual(own, wanted)));
  if (fresh.length > 0) spec.tolerations = [...(spec.tolerations ?? []), ...structuredClone(fresh)];
}

async function addClass(reader: Reader, attributes: Attributes): Promise<void> {
  const spec = attributes.object!['spec'];
  if (spec.runtimeClassName === '') throw new StatusError(500, '', 'resource name may not be empty'); // upstream's client refuses to ask
  const found = reader.get(CLASSES, '', spec.runtimeClassName) ?? (await reader.getFresh(CLASSES, '', spec.runtimeClassName));
  if (!found) throw refused(attributes, `pod rejected: RuntimeClass "${spec.runtimeClassName}" not found`);
  const overhead = found['overhead']?.podFixed as Record<string, string> | undefined;
  if (overhead) {
    if (spec.overhead && !deepEqual(spec.overhead, overhead))
      throw refused(attributes, `pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead`);
    spec.overhead = { ...overhead };
  }
  addScheduling(attributes, found['scheduling']);
}

export const runtimeClass = (reader: Reader): AdmissionPlugin => ({
  name: 'RuntimeClass',
  admit(attributes) {
    if (!concerns(attributes, '', 'Pod', 'CREATE') || attributes.object!['spec'].runtimeClassName === undefined) return undefined;
    return addClass(reader, attributes);
  },
  validate(attributes) {
    if (!concerns(attributes, '', 'Pod', 'CREATE')) return undefined;
    const spec = attributes.object!['spec'];
    const overhead =
      spec.runtimeClassName === undefined ? undefined : reader.get(CLASSES, '', spec.runtimeClassName)?.['overhead']?.podFixed;
    if (spec.overhead && Object.keys(spec.overhead).length > 0 && !overhead)
      throw refused(attributes, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
    return undefined;
  },
});
