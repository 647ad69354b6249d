// A pod's priority is a number taken from its PriorityClass.
import type { KubeObject } from '../../../api/meta/index.ts';
import type { AdmissionPlugin, Attributes, Reader } from '../request.ts';
import { concerns, refused } from './attributes.ts';

const CLASSES = { group: 'scheduling.k8s.io', plural: 'priorityclasses' };

/** Of several defaults the lowest value counts. */
const defaultClass = (reader: Reader): KubeObject | undefined =>
  reader
    .list(CLASSES)
    .filter((item) => item['globalDefault'] === true)
    .sort((a, b) => a['value'] - b['value'])[0];

async function classOf(reader: Reader, attributes: Attributes, name: string | undefined): Promise<KubeObject | undefined> {
  if (!name) return defaultClass(reader);
  const found = reader.get(CLASSES, '', name) ?? (await reader.getFresh(CLASSES, '', name));
  if (!found) throw refused(attributes, `no PriorityClass with name ${name} was found`);
  return found;
}

async function setPriority(reader: Reader, attributes: Attributes): Promise<void> {
  const spec = attributes.object!['spec'];
  const chosen = await classOf(reader, attributes, spec.priorityClassName);
  const value: number = chosen?.['value'] ?? 0;
  if (chosen) spec.priorityClassName = chosen.metadata.name;
  if (spec.priority !== undefined && spec.priority !== value)
    throw refused(
      attributes,
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  spec.priority = value;
  const policy: string = chosen?.['preemptionPolicy'] ?? 'PreemptLowerPriority';
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy)
    throw refused(
      attributes,
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  spec.preemptionPolicy = policy;
}

export const priority = (reader: Reader): AdmissionPlugin => ({
  name: 'Priority',
  admit: (attributes) => (concerns(attributes, '', 'Pod', 'CREATE') ? setPriority(reader, attributes) : undefined),
  validate(attributes) {
    if (!concerns(attributes, CLASSES.group, 'PriorityClass', 'CREATE', 'UPDATE') || attributes.object!['globalDefault'] !== true)
      return undefined;
    const other = defaultClass(reader);
    if (other && other.metadata.name !== attributes.object!.metadata.name)
      throw refused(attributes, `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`);
    return undefined;
  },
});
