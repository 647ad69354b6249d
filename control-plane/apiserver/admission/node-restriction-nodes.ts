// What an agent may write of its own Node: no taints, and of Kubernetes' labels only those that describe a machine.
import { deepEqual, type KubeObject } from '../../../api/meta/index.ts';
import type { Attributes } from '../request.ts';
import { refused } from './attributes.ts';

const RESTRICTED = 'node-restriction.kubernetes.io';
/** Label keys of Kubernetes' domains that kubelets set (kubelet/pkg/apis). */
const OWN_LABELS = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
]);
const OWN_DOMAINS = ['kubelet.kubernetes.io', 'node.kubernetes.io'];

const isIn = (domain: string, parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`);

/** Whether no agent may set, change or remove the label. */
function isForbidden(label: string): boolean {
  const slash = label.indexOf('/');
  const domain = slash < 0 ? '' : label.slice(0, slash);
  if (isIn(domain, RESTRICTED)) return true;
  const isKubernetes = isIn(domain, 'kubernetes.io') || isIn(domain, 'k8s.io');
  return isKubernetes && !OWN_LABELS.has(label) && !OWN_DOMAINS.some((own) => isIn(domain, own));
}

type Labels = Readonly<Record<string, string>>;

/** Forbidden labels that differ, sorted and joined; '' for none. */
function forbiddenLabels(now: Labels = {}, before: Labels = {}): string {
  const keys = new Set([...Object.keys(now), ...Object.keys(before)]);
  return [...keys]
    .filter((key) => now[key] !== before[key] && isForbidden(key))
    .sort()
    .join(', ');
}

export function checkNode(attributes: Attributes, node: string): void {
  const { name, operation, object, oldObject, subresource } = attributes;
  const quoted = JSON.stringify(node);
  if (name !== node) throw refused(attributes, `node ${quoted} is not allowed to modify node ${JSON.stringify(name)}`);
  const configSource = object?.['spec']?.configSource;
  if (operation === 'CREATE') {
    if (configSource) throw refused(attributes, `node ${quoted} is not allowed to create pods with a non-nil configSource`);
    const labels = forbiddenLabels(object?.metadata.labels);
    if (labels) throw refused(attributes, `node ${quoted} is not allowed to set the following labels: ${labels}`);
  }
  if (operation !== 'UPDATE') return;
  if (configSource && !deepEqual(configSource, oldObject?.['spec']?.configSource))
    throw refused(attributes, `node ${quoted} is not allowed to update configSource to a new non-nil configSource`);
  const taints = (of: KubeObject | undefined): unknown => of?.['spec']?.taints ?? [];
  if (subresource === '' && !deepEqual(taints(object), taints(oldObject)))
    throw refused(attributes, `node ${quoted} is not allowed to modify taints`);
  if (!deepEqual(object?.metadata.ownerReferences ?? [], oldObject?.metadata.ownerReferences ?? []))
    throw refused(attributes, `node ${quoted} is not allowed to modify ownerReferences`);
  const labels = forbiddenLabels(object?.metadata.labels, oldObject?.metadata.labels);
  if (labels) throw refused(attributes, `is not allowed to modify labels: ${labels}`);
}
