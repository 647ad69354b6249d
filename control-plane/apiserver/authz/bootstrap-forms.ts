// What the bootstrap roles are written with: short forms of rules, roles and bindings.
import type { KubeObject } from '../../../api/meta/index.ts';
import type { PolicyRule } from './authorizer.ts';

const API_VERSION = 'rbac.authorization.k8s.io/v1';
export const API_GROUP = 'rbac.authorization.k8s.io';
const LABELS = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
const ANNOTATIONS = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' };

export const READ = 'get list watch';
export const WRITE = 'create delete deletecollection patch update';

const words = (text: string): string[] => text.split(' ');

/** `group`: '' is the core group; several are separated by blanks, the core group is then `core`. */
export const on = (verbs: string, group: string, resources: string, names?: string): PolicyRule => ({
  verbs: words(verbs),
  apiGroups: words(group).map((one) => (one === 'core' ? '' : one)),
  resources: words(resources),
  ...(names ? { resourceNames: words(names) } : {}),
});
export const urls = (...nonResourceURLs: string[]): PolicyRule => ({ verbs: ['get'], nonResourceURLs });

export const events: PolicyRule = { verbs: ['create', 'patch', 'update'], apiGroups: ['', 'events.k8s.io'], resources: ['events'] };

type Subject = { kind: string; name: string; apiGroup?: string; namespace?: string };
export const group = (name: string): Subject => ({ kind: 'Group', apiGroup: API_GROUP, name });
export const user = (name: string): Subject => ({ kind: 'User', apiGroup: API_GROUP, name });
export const account = (name: string): Subject => ({ kind: 'ServiceAccount', name, namespace: 'kube-system' });

export const object = (kind: string, name: string, more: object, namespace?: string, labels: Record<string, string> = {}): KubeObject => ({
  apiVersion: API_VERSION,
  kind,
  metadata: { name, ...(namespace ? { namespace } : {}), labels: { ...LABELS, ...labels }, annotations: ANNOTATIONS },
  ...more,
});

/** To the role of the given kind and name, or of the binding's own name. */
export const binding = (
  name: string,
  subjects: readonly Subject[],
  role: { kind: string; name?: string },
  namespace?: string,
): KubeObject =>
  object(
    namespace ? 'RoleBinding' : 'ClusterRoleBinding',
    name,
    { ...(subjects.length > 0 ? { subjects } : {}), roleRef: { apiGroup: API_GROUP, kind: role.kind, name: role.name ?? name } },
    namespace,
  );
