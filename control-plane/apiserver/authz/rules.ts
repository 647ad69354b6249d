// Policy rules: does one allow a question, and does a set of them cover another rule.
import { goQuote } from '../../../api/meta/index.ts';
import type { PolicyRule, Question } from './authorizer.ts';

const has = (list: readonly string[] | undefined, item: string): boolean =>
  list !== undefined && (list.includes('*') || list.includes(item));

function hasResource(list: readonly string[] | undefined, resource: string, subresource: string): boolean {
  if (!list) return false;
  const combined = subresource === '' ? resource : `${resource}/${subresource}`;
  return list.some((item) => item === '*' || item === combined || (subresource !== '' && item === `*/${subresource}`));
}

const matchesUrl = (pattern: string, path: string): boolean =>
  pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)));

export function ruleAllows(rule: PolicyRule, question: Question): boolean {
  if (!has(rule.verbs, question.verb)) return false;
  if (!question.isResource) return (rule.nonResourceURLs ?? []).some((pattern) => matchesUrl(pattern, question.path));
  return (
    has(rule.apiGroups, question.group) &&
    hasResource(rule.resources, question.resource, question.subresource) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(question.name))
  );
}

/** The rule as single permissions: one verb on one resource of one group (and one name), or on one URL. */
function singles(rule: PolicyRule): PolicyRule[] {
  const result: PolicyRule[] = [];
  for (const group of rule.apiGroups ?? [])
    for (const resource of rule.resources ?? [])
      for (const verb of rule.verbs) {
        const one = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (rule.resourceNames?.length) for (const name of rule.resourceNames) result.push({ ...one, resourceNames: [name] });
        else result.push(one);
      }
  for (const url of rule.nonResourceURLs ?? []) for (const verb of rule.verbs) result.push({ nonResourceURLs: [url], verbs: [verb] });
  return result;
}

const within = (owned: readonly string[] | undefined, wanted: readonly string[] | undefined): boolean =>
  (wanted ?? []).every((item) => has(owned, item));

function resourceWithin(owned: readonly string[] | undefined, wanted: string): boolean {
  if (owned?.includes('*') || owned?.includes(wanted)) return true;
  const slash = wanted.indexOf('/');
  return slash >= 0 && owned?.includes(`*${wanted.slice(slash)}`) === true;
}

function covers(owner: PolicyRule, single: PolicyRule): boolean {
  if (!within(owner.verbs, single.verbs)) return false;
  const url = single.nonResourceURLs?.[0];
  if (url !== undefined) return (owner.nonResourceURLs ?? []).some((pattern) => matchesUrl(pattern, url));
  if (!within(owner.apiGroups, single.apiGroups) || !resourceWithin(owner.resources, single.resources?.[0] ?? '')) return false;
  if (!owner.resourceNames?.length) return true;
  return single.resourceNames?.length === 1 && owner.resourceNames.includes(single.resourceNames[0]!);
}

/** What `wanted` holds beyond `owned`, verbs of the same resource together. */
export function uncovered(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  const merged = new Map<string, { rule: PolicyRule; verbs: string[] }>();
  for (const single of wanted.flatMap(singles)) {
    if (owned.some((rule) => covers(rule, single))) continue;
    const key = JSON.stringify([single.apiGroups, single.resources, single.resourceNames, single.nonResourceURLs]);
    const entry = merged.get(key) ?? { rule: single, verbs: [] };
    for (const verb of single.verbs) if (!entry.verbs.includes(verb)) entry.verbs.push(verb);
    merged.set(key, entry);
  }
  return [...merged.values()].map(({ rule, verbs }) => ({ ...rule, verbs }));
}

const list = (items: readonly string[]): string => `[${items.map(goQuote).join(' ')}]`;

/** A rule as upstream prints it in a refusal. */
export function ruleText(rule: PolicyRule): string {
  const parts: string[] = [];
  if (rule.nonResourceURLs?.length) parts.push(`NonResourceURLs:${list(rule.nonResourceURLs)}`);
  if (rule.apiGroups?.length) parts.push(`APIGroups:${list(rule.apiGroups)}`);
  if (rule.resources?.length) parts.push(`Resources:${list(rule.resources)}`);
  if (rule.resourceNames?.length) parts.push(`ResourceNames:${list(rule.resourceNames)}`);
  parts.push(`Verbs:${list(rule.verbs)}`);
  return `{${parts.join(', ')}}`;
}
