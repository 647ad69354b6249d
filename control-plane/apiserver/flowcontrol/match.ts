// Whom and what a FlowSchema's rules mean. Pure.
import type { RequestInfo, UserInfo } from '../request.ts';

interface Subject {
  kind: string;
  user?: { name: string };
  group?: { name: string };
  serviceAccount?: { namespace: string; name: string };
}

interface ResourceRule {
  verbs?: readonly string[];
  apiGroups?: readonly string[];
  resources?: readonly string[];
  clusterScope?: boolean;
  namespaces?: readonly string[];
}

export interface Rule {
  subjects?: readonly Subject[];
  resourceRules?: readonly ResourceRule[];
  nonResourceRules?: readonly { verbs?: readonly string[]; nonResourceURLs?: readonly string[] }[];
}

/** A rule holds when one of its subjects asks and one of its resource or non-resource rules covers what is asked. */
export function matcherOf(rules: readonly Rule[]): (info: RequestInfo, user: UserInfo) => boolean {
  return (info, user) =>
    rules.some(
      ({ subjects = [], resourceRules = [], nonResourceRules = [] }) =>
        subjects.some((subject) => isSubject(subject, user)) &&
        (info.isResource
          ? resourceRules.some((rule) => coversResource(rule, info))
          : nonResourceRules.some((rule) => has(rule.verbs, info.verb) && coversPath(rule.nonResourceURLs, info.path))),
    );
}

const has = (wanted: readonly string[] | undefined, value: string): boolean =>
  wanted !== undefined && (wanted.includes('*') || wanted.includes(value));

function isSubject({ kind, user, group, serviceAccount }: Subject, asker: UserInfo): boolean {
  if (kind === 'User') return user?.name === '*' || user?.name === asker.name;
  if (kind === 'Group') return group?.name === '*' || asker.groups.includes(group?.name ?? '');
  if (kind !== 'ServiceAccount' || !serviceAccount) return false;
  const prefix = `system:serviceaccount:${serviceAccount.namespace}:`;
  return serviceAccount.name === '*' ? asker.name.startsWith(prefix) : asker.name === prefix + serviceAccount.name;
}

function coversResource(rule: ResourceRule, info: RequestInfo): boolean {
  const whole = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`;
  if (!has(rule.verbs, info.verb) || !has(rule.apiGroups, info.group) || !has(rule.resources, whole)) return false;
  return info.namespace === '' ? rule.clusterScope === true : has(rule.namespaces, info.namespace);
}

function coversPath(urls: readonly string[] = [], path: string): boolean {
  return urls.some((url) => url === '*' || url === path || (url.endsWith('/*') && path.startsWith(url.slice(0, -1))));
}
