// Names of a CustomResourceDefinition, its group and the approval that some groups need.
import { at, dns1035Label, dns1123Subdomain, index, invalidValue, type KubeObject, type Problem, required } from '../../meta/index.ts';

export const requiredNames = (names: any, field: string): Problem[] =>
  ['plural', 'singular', 'kind', 'listKind'].filter((name) => !names[name]).map((name) => required(at(field, name)));

export function validateNames(names: any, field: string): Problem[] {
  const problems: Problem[] = [];
  const label = (where: string, value: string): void => {
    const wrong = value ? dns1035Label(value) : [];
    if (wrong.length) problems.push(invalidValue(where, value, wrong.join(',')));
  };
  const mixed = (where: string, value: string): void => {
    const wrong = value ? dns1035Label(value.toLowerCase()) : [];
    if (wrong.length) problems.push(invalidValue(where, value, `may have mixed case, but should otherwise match: ${wrong.join(',')}`));
  };
  label(at(field, 'plural'), names.plural);
  label(at(field, 'singular'), names.singular);
  mixed(at(field, 'kind'), names.kind);
  mixed(at(field, 'listKind'), names.listKind);
  const each = (list: string): void =>
    (names[list] ?? []).forEach((name: string, i: number) => {
      const wrong = dns1035Label(name);
      if (wrong.length) problems.push(invalidValue(index(at(field, list), i), name, wrong.join(',')));
    });
  each('shortNames');
  if (names.kind && names.kind === names.listKind)
    problems.push(invalidValue(at(field, 'listKind'), names.listKind, 'kind and listKind may not be the same'));
  each('categories');
  return problems;
}

export function validateGroup(group: string): Problem[] {
  if (group === '') return [required('spec.group')];
  const wrong = dns1123Subdomain(group);
  if (wrong.length) return [invalidValue('spec.group', group, wrong.join(','))];
  return group.includes('.') ? [] : [invalidValue('spec.group', group, 'should be a domain with at least one dot')];
}

const APPROVED = 'api-approved.kubernetes.io';
const see = 'see https://github.com/kubernetes/enhancements/pull/1111';

export type Approval = 'missing' | 'bypassed' | 'approved' | 'invalid';

/** Undefined for groups that are not the Kubernetes community's own. */
export function approvalOf({ metadata, spec }: KubeObject): { state: Approval; reason: string } | undefined {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(spec?.['group'] ?? '')) return undefined;
  const approval: string = metadata.annotations?.[APPROVED] ?? '';
  const must = `protected groups must have approval annotation "${APPROVED}"`;
  if (approval === '') return { state: 'missing', reason: `${must}, ${see}` };
  if (approval.startsWith('unapproved')) return { state: 'bypassed', reason: `not approved: ${JSON.stringify(approval)}` };
  if (/^[A-Za-z][\w+.-]*:\/\/[^/\s]+/.test(approval)) return { state: 'approved', reason: `approved in ${approval}` };
  return { state: 'invalid', reason: `${must} with either a URL or a reason starting with "unapproved", ${see}` };
}

/** What was let in with no approval may stay without. */
export function validateApproval(object: KubeObject, old: KubeObject | undefined): Problem[] {
  const approval = approvalOf(object);
  if (approval === undefined || (old && approvalOf(old)?.state === approval.state)) return [];
  const field = index('metadata.annotations', APPROVED);
  if (approval.state === 'missing') return [required(field, approval.reason)];
  return approval.state === 'invalid' ? [invalidValue(field, object.metadata.annotations?.[APPROVED], approval.reason)] : [];
}
