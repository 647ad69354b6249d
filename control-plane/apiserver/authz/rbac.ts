// RBAC over the cache: roles, cluster roles and their bindings. What changes is read anew, so an answer is never stale.
import { type KubeObject, labelSelectorMatches } from '../../../api/meta/index.ts';
import type { Reader, UserInfo } from '../request.ts';
import { type Authorizer, type Decision, MASTERS, type PolicyRule, type Question } from './authorizer.ts';
import { ruleAllows } from './rules.ts';
import { ClusterSubjects, type Named, subjectMatches, subjectsOf, subjectText } from './subjects.ts';

const GROUP = 'rbac.authorization.k8s.io';
const resource = (plural: string) => ({ group: GROUP, plural });
export const ROLES = resource('roles');
export const CLUSTER_ROLES = resource('clusterroles');
const ROLE_BINDINGS = resource('rolebindings');
const CLUSTER_ROLE_BINDINGS = resource('clusterrolebindings');

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

type Grants = (user: UserInfo, namespace: string) => Generator<Grant>;

function grantsOf(reader: Reader): Grants {
  let cluster = new ClusterSubjects([]);
  let version = -1;
  function clusterWide(user: UserInfo): readonly Named[] {
    const now = reader.version(CLUSTER_ROLE_BINDINGS);
    if (now !== version) cluster = new ClusterSubjects(reader.list(CLUSTER_ROLE_BINDINGS));
    version = now;
    return cluster.naming(user);
  }
  function namespaced(user: UserInfo, namespace: string): Named[] {
    return reader.list(ROLE_BINDINGS, namespace).flatMap((binding) => {
      const subject = subjectsOf(binding).find((item) => subjectMatches(item, user, namespace));
      return subject ? [{ binding, subject }] : [];
    });
  }
  function* of(found: readonly Named[], scope: string): Generator<Grant> {
    for (const { binding, subject } of found) {
      const ref = binding['roleRef'];
      const rules = rulesOfRef(reader, ref, scope);
      if (!rules) continue;
      const name = scope === '' ? binding.metadata.name! : `${binding.metadata.name}/${scope}`;
      const kind = scope === '' ? 'ClusterRoleBinding' : 'RoleBinding';
      yield { rules, reason: () => `RBAC: allowed by ${kind} "${name}" of ${ref.kind} "${ref.name}" to ${subjectText(subject, scope)}` };
    }
  }
  return function* (user, namespace) {
    yield* of(clusterWide(user), '');
    if (namespace !== '') yield* of(namespaced(user, namespace), namespace);
  };
}

const NOT_ALLOWED: Decision = { allowed: false, reason: '' };

export function createRbacAuthorizer(reader: Reader): Authorizer {
  const grants = grantsOf(reader);
  return {
    authorize(question: Question): Decision {
      if (question.user.groups.includes(MASTERS)) return { allowed: true, reason: '' };
      for (const grant of grants(question.user, question.isResource ? question.namespace : ''))
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
      return [...all, ...[...grants(user, namespace)].flatMap((grant) => grant.rules)];
    },
  };
}
