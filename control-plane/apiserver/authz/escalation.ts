// Nobody grants more than they hold: checked whenever a role or binding is written.
import { deepEqual, forbidden, goQuote, type KubeObject, notFound } from '../../../api/meta/index.ts';
import type { AdmissionPlugin, Attributes, Reader } from '../request.ts';
import { type Authorizer, MASTERS, type PolicyRule, type Question } from './authorizer.ts';
import { CLUSTER_ROLES, ROLES, rulesOfRef } from './rbac.ts';
import { ruleText, uncovered } from './rules.ts';

const GROUP = 'rbac.authorization.k8s.io';

function question(attributes: Attributes, verb: string, plural: string, name: string): Question {
  const { user, namespace } = attributes;
  return { user, verb, group: GROUP, version: 'v1', resource: plural, subresource: '', namespace, name, path: '', isResource: true };
}

function refuseUnheld(attributes: Attributes, authorizer: Authorizer, wanted: readonly PolicyRule[]): void {
  const { user, kind, name, namespace } = attributes;
  const missing = uncovered(authorizer.rulesFor(user, namespace), wanted);
  if (missing.length === 0) return;
  const groups = `[${user.groups.map(goQuote).join(' ')}]`;
  const rules = missing.map(ruleText).sort().join('\n');
  const why = `user ${goQuote(user.name)} (groups=${groups}) is attempting to grant RBAC permissions not currently held:\n${rules}`;
  throw forbidden({ group: GROUP, plural: kind.plural }, name, why);
}

function checkRole(attributes: Attributes, authorizer: Authorizer, role: KubeObject): void {
  const old = attributes.oldObject;
  const unchanged = old && deepEqual(old['rules'] ?? [], role['rules'] ?? []) && deepEqual(old['aggregationRule'], role['aggregationRule']);
  if (unchanged) return;
  const { plural } = attributes.kind;
  if (authorizer.authorize(question(attributes, 'escalate', plural, attributes.name)).allowed) return;
  if (role['aggregationRule'] && !deepEqual(old?.['aggregationRule'], role['aggregationRule'])) {
    const everything: PolicyRule[] = [
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
      { verbs: ['*'], nonResourceURLs: ['*'] },
    ];
    if (uncovered(authorizer.rulesFor(attributes.user, ''), everything).length > 0)
      throw forbidden({ group: GROUP, plural }, attributes.name, 'must have cluster-admin privileges to use the aggregationRule');
  }
  refuseUnheld(attributes, authorizer, role['rules'] ?? []);
}

function checkBinding(attributes: Attributes, authorizer: Authorizer, reader: Reader, binding: KubeObject): void {
  const old = attributes.oldObject;
  if (old && deepEqual(old['roleRef'], binding['roleRef']) && deepEqual(old['subjects'] ?? [], binding['subjects'] ?? [])) return;
  const ref = binding['roleRef'] as { kind: string; name: string };
  const plural = ref.kind === 'Role' ? ROLES.plural : CLUSTER_ROLES.plural;
  if (authorizer.authorize(question(attributes, 'bind', plural, ref.name)).allowed) return;
  const rules = rulesOfRef(reader, ref, attributes.namespace);
  if (!rules) throw notFound({ group: GROUP, plural: attributes.kind.plural }, ref.name);
  refuseUnheld(attributes, authorizer, rules);
}

export const escalationPlugin = (authorizer: Authorizer, reader: Reader): AdmissionPlugin => ({
  name: 'RBACEscalation',
  validate(attributes) {
    const { kind, operation, object, user } = attributes;
    if (kind.group !== GROUP || (operation !== 'CREATE' && operation !== 'UPDATE') || !object || user.groups.includes(MASTERS))
      return undefined;
    if (kind.kind === 'Role' || kind.kind === 'ClusterRole') checkRole(attributes, authorizer, object);
    else checkBinding(attributes, authorizer, reader, object);
    return undefined;
  },
});
