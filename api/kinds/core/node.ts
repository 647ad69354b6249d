// The Node kind.
import type { Node } from '../../gen/types/core.v1.ts';
import { duplicate, forbiddenField, invalidValue, type KubeObject, type Problem, qualifiedName, quantitySign } from '../../meta/index.ts';
import { ageColumn, nameColumn, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { texts } from '../rules.ts';
import { validateCidr } from './ip.ts';
import { goForm } from './pod-spec/go-form.ts';
import { roundResources } from './resources.ts';
import { validateTaints } from './taints.ts';

const nodeOf = (object: KubeObject): Node => object as unknown as Node;
const ROLE = 'node-role.kubernetes.io/';

function statusText({ spec, status }: Node): string {
  const ready = status?.conditions?.find((condition) => condition.type === 'Ready');
  const words = [ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown'];
  if (spec?.unschedulable) words.push('SchedulingDisabled');
  return words.join(',');
}

function rolesText({ metadata }: Node): string {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    if (key.startsWith(ROLE) && key.length > ROLE.length) roles.add(key.slice(ROLE.length));
    else if (key === 'kubernetes.io/role' && value !== '') roles.add(value);
  }
  return [...roles].sort().join(',') || '<none>';
}

const address = (node: Node, type: string): string => node.status?.addresses?.find((one) => one.type === type)?.address ?? '<none>';

function kernel({ status }: Node): string {
  const { kernelVersion, architecture } = status?.nodeInfo ?? {};
  return `${kernelVersion || '<unknown>'}${architecture ? ` (${architecture})` : ''}`;
}

function validateSpec({ spec = {} }: Node): Problem[] {
  const cidrs = spec.podCIDRs ?? [];
  const problems = validateTaints(spec.taints ?? [], 'metadata.taints');
  if (cidrs.length > 1 && new Set(cidrs.map((cidr) => cidr.includes(':'))).size < cidrs.length) {
    problems.push(invalidValue('spec.podCIDRs', cidrs, 'may specify no more than one CIDR for each IP family'));
  }
  problems.push(...cidrs.flatMap((cidr, at) => validateCidr(`spec.podCIDRs[${at}]`, cidr)));
  return problems;
}

function validateAddresses({ status }: Node): Problem[] {
  const seen = new Set<string>();
  return (status?.addresses ?? []).flatMap((one, at) => {
    const shown = goForm(one, ['Type', 'Address']);
    const key = JSON.stringify(shown);
    if (seen.has(key)) return [duplicate(`status.addresses[${at}]`, shown)];
    seen.add(key);
    return [];
  });
}

function validateAmounts({ status }: Node): Problem[] {
  return (['capacity', 'allocatable'] as const).flatMap((list) =>
    Object.entries(status?.[list] ?? {}).flatMap(([name, amount]) =>
      quantitySign(amount) < 0 ? [invalidValue(`status.${list}.${name}`, amount, 'must be greater than or equal to 0')] : [],
    ),
  );
}

/** Set once; later writes may not change them. */
function validateKept(node: Node, old: Node): Problem[] {
  const problems: Problem[] = [];
  const { podCIDRs = [], providerID = '' } = node.spec ?? {};
  const before = old.spec ?? {};
  if (before.podCIDRs?.length && before.podCIDRs.join() !== podCIDRs.join()) {
    problems.push(forbiddenField('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
  }
  if (before.providerID && before.providerID !== providerID) {
    problems.push(forbiddenField('spec.providerID', 'node updates may not change providerID except from "" to valid'));
  }
  return problems;
}

/** podCIDR is the first of podCIDRs; older clients know the first alone. */
function joinCidrs(object: KubeObject): void {
  const spec = (object['spec'] ??= {});
  if (spec.podCIDR && spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR];
  else if (spec.podCIDRs?.length) spec.podCIDR = spec.podCIDRs[0];
}

export const node: Behaviour = {
  defaults(object) {
    joinCidrs(object);
    const status = (object['status'] ??= {});
    roundResources(status.capacity);
    roundResources(status.allocatable);
    if (!status.allocatable && status.capacity) status.allocatable = { ...status.capacity };
  },
  statusOnCreate: true,
  validate: (object) => [...validateSpec(nodeOf(object)), ...validateAddresses(nodeOf(object)), ...validateAmounts(nodeOf(object))],
  validateUpdate: (object, old) => validateKept(nodeOf(object), nodeOf(old)),
  validateSubresource: {
    status: (object) => [
      ...validateAddresses(nodeOf(object)),
      ...validateAmounts(nodeOf(object)),
      ...Object.keys(nodeOf(object).status?.capacity ?? {}).flatMap((name) => texts(`status.capacity[${name}]`, name, qualifiedName(name))),
    ],
  },
  hasGeneration: false,
  fieldSelectors: { 'spec.unschedulable': (object) => String(object['spec']?.unschedulable ?? false) },
  columns: [
    nameColumn,
    string('Status', (object) => statusText(nodeOf(object))),
    string('Roles', (object) => rolesText(nodeOf(object))),
    ageColumn,
    string('Version', (object) => object['status']?.nodeInfo?.kubeletVersion ?? ''),
    string('Internal-IP', (object) => address(nodeOf(object), 'InternalIP'), true),
    string('External-IP', (object) => address(nodeOf(object), 'ExternalIP'), true),
    string('OS-Image', (object) => object['status']?.nodeInfo?.osImage || '<unknown>', true),
    string('Kernel-Version', (object) => kernel(nodeOf(object)), true),
    string('Container-Runtime', (object) => object['status']?.nodeInfo?.containerRuntimeVersion || '<unknown>', true),
  ],
};
