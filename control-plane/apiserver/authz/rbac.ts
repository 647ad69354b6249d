// RBAC over the cache: roles, cluster roles and their bindings. Read anew for each question, so never stale.
import { type KubeObject, labelSelectorMatches } from '../../../api/meta/index.ts';
import { parseServiceAccountUserName } from '../authn/service-account-token.ts';
import type { Reader, UserInfo } from '../request.ts';
import { type Authorizer, type Decision, MASTERS, type PolicyRule, type Question } from './authorizer.ts';
import { ruleAllows } from './rules.ts';

const GROUP = 'rbac.authorization.k8s.io';
const resource = (plural: string) => ({ group: GROUP, plural });
export const ROLES = resource('roles');
export const CLUSTER_ROLES = resource('clusterroles');
const ROLE_BINDINGS = resource('rolebindings');
const CLUSTER_ROLE_BINDINGS = resource('clusterrolebindings');

interface Subject {
  kind: string;
  name: string;
  namespace?: string;
}

function subjectMatches(subject: Subject, user: UserInfo, bindingNamespace: string): boolean {
  if (subject.kind === 'User') return subject.name === user.name;
  if (subject.kind === 'Group') return user.groups.includes(subject.name);
  if (subject.kind !== 'ServiceAccount') return false;
  const account = parseServiceAccountUserName(user.name);
  return account?.name === subject.name && account.namespace === (subject.namespace || bindingNamespace);
}

function subjectText(subject: Subject, namespace: string): string {
  const name = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace || namespace}` : subject.name;
  return `${subject.kind} ${JSON.stringify(name)}`;
}

/** The rules of a cluster role; aggregated ones are the union of what their selectors choose now. */
function clusterRoleRules(reader: Reader, role: KubeObject): PolicyRule[] {
  const own = (role['rules'] ?? []) as PolicyRule[];
  const selectors = role['aggregationRule']?.clusterRoleSelectors as { matchLabels?: Record<string, string> }[] | undefined;
  if (!selectors?.length) return own;
  const chosen = reader
    .list(CLUSTER_ROLES)
    .filter((other) => other.metadata.name !== role.metadata.name && selectors.some((s) => labelSelectorMatches(s, other.metadata.labels)));
  return [...own, ...chosen.flatMap((other) => (other['rules'] ?? []) as PolicyRule[])];
}

/** Rules of what a binding refers to, or undefined when that role does not exist. */
export function rulesOfRef(reader: Reader, ref: { kind: string; name: string }, namespace: string): PolicyRule[] | undefined {
  if (ref.kind === 'Role')
    return reader.get(ROLES, namespace, ref.name)?.['rules'] ?? (reader.get(ROLES, namespace, ref.name) ? [] : undefined);
  const role = reader.get(CLUSTER_ROLES, '', ref.name);
  return role ? clusterRoleRules(reader, role) : undefined;
}

interface Grant {
  rules: PolicyRule[];
  reason(): string;
}

function* grants(reader: Reader, user: UserInfo, namespace: string): Generator<Grant> {
  const lists: [readonly KubeObject[], string][] = [[reader.list(CLUSTER_ROLE_BINDINGS), '']];
  if (namespace !== '') lists.push([reader.list(ROLE_BINDINGS, namespace), namespace]);
  for (const [bindings, scope] of lists) {
    for (const binding of bindings) {
      const subject = ((binding['subjects'] ?? []) as Subject[]).find((item) => subjectMatches(item, user, scope));
      if (!subject) continue;
      const ref = binding['roleRef'];
      const rules = rulesOfRef(reader, ref, scope);
      if (!rules) continue;
      const name = scope === '' ? binding.metadata.name! : `${binding.metadata.name}/${scope}`;
      const kind = scope === '' ? 'ClusterRoleBinding' : 'RoleBinding';
      yield { rules, reason: () => `RBAC: allowed by ${kind} "${name}" of ${ref.kind} "${ref.name}" to ${subjectText(subject, scope)}` };
    }
  }
}

const NOT_ALLOWED: Decision = { allowed: false, reason: '' };

export function createRbacAuthorizer(reader: Reader): Authorizer {
  return {
    authorize(question: Question): Decision {
      if (question.user.groups.includes(MASTERS)) return { allowed: true, reason: '' };
      for (const grant of grants(reader, question.user, question.isResource ? question.namespace : ''))
        if (grant.rules.some((rule) => ruleAllows(rule, question))) return { allowed: true, reason: grant.reason() };
      return NOT_ALLOWED;
    },
    rulesFor(user: UserInfo, namespace: string): PolicyRule[] {
      const all = user.groups.includes(MASTERS)
        ? [
            { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
            { verbs: ['*'], nonResourceURLs: ['*'] },
          ]
        : [];
      return [...all, ...[...grants(reader, user, namespace)].flatMap((grant) => grant.rules)];
    },
  };
}
