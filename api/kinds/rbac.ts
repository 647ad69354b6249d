// Behaviours of the kinds of rbac.authorization.k8s.io/v1.
import {
  dns1123Subdomain,
  invalidValue,
  type KubeObject,
  notSupported,
  type Problem,
  pathSegment,
  required,
  semanticEqual,
  validateLabelSelector,
} from '../meta/index.ts';
import type { Behaviours } from './behaviours.ts';
import { ageColumn, nameColumn, string } from './columns.ts';
import type { Column } from './kind.ts';
import { setDefaults, texts } from './rules.ts';

const group = 'rbac.authorization.k8s.io';

function validateRule(rule: any, path: string, namespaced: boolean): Problem[] {
  const problems: Problem[] = [];
  const some = (name: string): boolean => (rule[name] ?? []).length > 0;
  if (!some('verbs')) problems.push(required(`${path}.verbs`, 'verbs must contain at least one value'));
  if (some('nonResourceURLs')) {
    const field = `${path}.nonResourceURLs`;
    if (namespaced) problems.push(invalidValue(field, rule.nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'));
    if (some('apiGroups') || some('resources') || some('resourceNames')) {
      problems.push(invalidValue(field, rule.nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs'));
    }
    return problems;
  }
  if (!some('apiGroups')) problems.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'));
  if (!some('resources')) problems.push(required(`${path}.resources`, 'resource rules must supply at least one resource'));
  return problems;
}

const validateRules = (object: KubeObject, namespaced: boolean): Problem[] =>
  (object['rules'] ?? []).flatMap((rule: any, i: number) => validateRule(rule, `rules[${i}]`, namespaced));

function validateAggregation(rule: any): Problem[] {
  if (!rule) return [];
  const path = 'aggregationRule.clusterRoleSelectors';
  const selectors: any[] = rule.clusterRoleSelectors ?? [];
  if (selectors.length === 0) return [required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil')];
  return selectors.flatMap((selector, i) => validateLabelSelector(selector, `${path}[${i}]`));
}

function validateSubject(subject: any, path: string, namespaced: boolean): Problem[] {
  const problems: Problem[] = [];
  if (!subject.name) problems.push(required(`${path}.name`));
  const apiGroup = subject.apiGroup ?? '';
  switch (subject.kind) {
    case 'ServiceAccount':
      if (subject.name) problems.push(...texts(`${path}.name`, subject.name, dns1123Subdomain(subject.name)));
      if (apiGroup) problems.push(notSupported(`${path}.apiGroup`, apiGroup, ['']));
      if (!namespaced && !subject.namespace) problems.push(required(`${path}.namespace`));
      break;
    case 'User':
    case 'Group':
      if (apiGroup !== group) problems.push(notSupported(`${path}.apiGroup`, apiGroup, [group]));
      break;
    default:
      problems.push(notSupported(`${path}.kind`, subject.kind ?? '', ['ServiceAccount', 'User', 'Group']));
  }
  return problems;
}

function validateBinding(object: KubeObject, namespaced: boolean): Problem[] {
  const ref = object['roleRef'] ?? {};
  const problems: Problem[] = [];
  if (ref.apiGroup !== group) problems.push(notSupported('roleRef.apiGroup', ref.apiGroup ?? '', [group]));
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (!kinds.includes(ref.kind)) problems.push(notSupported('roleRef.kind', ref.kind ?? '', kinds));
  if (!ref.name) problems.push(required('roleRef.name'));
  else problems.push(...texts('roleRef.name', ref.name, pathSegment(ref.name)));
  const subjects: any[] = object['subjects'] ?? [];
  return [...problems, ...subjects.flatMap((subject, i) => validateSubject(subject, `subjects[${i}]`, namespaced))];
}

function validateBindingUpdate(object: KubeObject, old: KubeObject): Problem[] {
  if (semanticEqual(object['roleRef'], old['roleRef'])) return [];
  const { apiGroup = '', kind = '', name = '' } = object['roleRef'] ?? {};
  return [invalidValue('roleRef', { APIGroup: apiGroup, Kind: kind, Name: name }, 'cannot change roleRef')];
}

function defaultBinding(object: KubeObject): void {
  if (object['roleRef']) setDefaults(object['roleRef'], { apiGroup: group });
  for (const subject of object['subjects'] ?? []) {
    if (subject.kind === 'User' || subject.kind === 'Group') setDefaults(subject, { apiGroup: group });
  }
}

const subjectsText = (kind: string, text: (subject: any) => string): Column['of'] => {
  return (object) =>
    (object['subjects'] ?? [])
      .filter((subject: any) => subject.kind === kind)
      .map(text)
      .join(', ');
};

const bindingColumns: readonly Column[] = [
  nameColumn,
  string('Role', ({ roleRef }) => `${roleRef?.kind}/${roleRef?.name}`),
  ageColumn,
  string(
    'Users',
    subjectsText('User', ({ name }) => name),
    true,
  ),
  string(
    'Groups',
    subjectsText('Group', ({ name }) => name),
    true,
  ),
  string(
    'ServiceAccounts',
    subjectsText('ServiceAccount', ({ namespace = '', name }) => `${namespace}/${name}`),
    true,
  ),
];

const roleColumns: readonly Column[] = [
  nameColumn,
  { name: 'Created At', type: 'date', of: (object) => object.metadata.creationTimestamp ?? '' },
];

const nameRule = 'path-segment';

export const rbac: Behaviours = {
  Role: { nameRule, createOnUpdate: true, validate: (object) => validateRules(object, true), columns: roleColumns },
  ClusterRole: {
    nameRule,
    createOnUpdate: true,
    validate: (object) => [...validateRules(object, false), ...validateAggregation(object['aggregationRule'])],
    columns: roleColumns,
  },
  RoleBinding: {
    nameRule,
    createOnUpdate: true,
    defaults: defaultBinding,
    validate: (object) => validateBinding(object, true),
    validateUpdate: validateBindingUpdate,
    columns: bindingColumns,
  },
  ClusterRoleBinding: {
    nameRule,
    createOnUpdate: true,
    defaults: defaultBinding,
    validate: (object) => validateBinding(object, false),
    validateUpdate: validateBindingUpdate,
    columns: bindingColumns,
  },
};
