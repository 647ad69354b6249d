// The audit policy: which requests are told in how much detail. Pure: a file's text in, a decision a request out.
import { parse } from 'yaml';
import type { RequestInfo, UserInfo } from '../request.ts';

const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
const STAGES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;

type Level = (typeof LEVELS)[number];
export type AuditStage = (typeof STAGES)[number];

interface GroupResources {
  group?: string;
  resources?: readonly string[];
  resourceNames?: readonly string[];
}

interface PolicyRule {
  level: Level;
  users?: readonly string[];
  userGroups?: readonly string[];
  verbs?: readonly string[];
  resources?: readonly GroupResources[];
  namespaces?: readonly string[];
  nonResourceURLs?: readonly string[];
  omitStages?: readonly AuditStage[];
  omitManagedFields?: boolean;
}

/** audit.k8s.io/v1 Policy. */
export interface Policy {
  rules: readonly PolicyRule[];
  omitStages?: readonly AuditStage[];
  omitManagedFields?: boolean;
}

export interface Decision {
  level: Level;
  omitStages: readonly AuditStage[];
  omitManagedFields: boolean;
}

const RULE_FIELDS: Readonly<Record<string, 'strings' | 'boolean' | 'resources' | 'level'>> = {
  level: 'level',
  users: 'strings',
  userGroups: 'strings',
  verbs: 'strings',
  resources: 'resources',
  namespaces: 'strings',
  nonResourceURLs: 'strings',
  omitStages: 'strings',
  omitManagedFields: 'boolean',
};

/** YAML or JSON. @throws Error that names every fault of the file */
export function parsePolicy(text: string): Policy {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    throw new Error(`it is no YAML: ${(error as Error).message}`);
  }
  const policy = document as Record<string, unknown> | null;
  if (typeof policy !== 'object' || policy === null || policy['apiVersion'] !== 'audit.k8s.io/v1' || policy['kind'] !== 'Policy')
    throw new Error('expected apiVersion: audit.k8s.io/v1 and kind: Policy');
  const rules = policy['rules'];
  if (!Array.isArray(rules) || rules.length === 0) throw new Error('rules: an audit policy needs at least one rule');
  const problems = [...stageProblems(policy['omitStages'], 'omitStages'), ...rules.flatMap((rule, i) => ruleProblems(rule, `rules[${i}]`))];
  if (problems.length > 0) throw new Error(problems.join('; '));
  return policy as unknown as Policy;
}

function ruleProblems(rule: unknown, at: string): string[] {
  if (typeof rule !== 'object' || rule === null) return [`${at}: expected an object`];
  const problems: string[] = [];
  for (const [name, value] of Object.entries(rule)) {
    const type = RULE_FIELDS[name];
    if (type === undefined) problems.push(`${at}.${name}: unknown field`);
    else if (type === 'strings' && !isStrings(value)) problems.push(`${at}.${name}: expected a list of strings`);
    else if (type === 'boolean' && typeof value !== 'boolean') problems.push(`${at}.${name}: expected true or false`);
    else if (type === 'resources') problems.push(...resourceProblems(value, `${at}.${name}`));
  }
  if (problems.length > 0) return problems;
  const { level, nonResourceURLs = [], resources = [], namespaces = [], omitStages } = rule as PolicyRule;
  if (!LEVELS.includes(level)) problems.push(`${at}.level: Unsupported value: "${level ?? ''}": supported values: ${quoted(LEVELS)}`);
  if (nonResourceURLs.length > 0 && (resources.length > 0 || namespaces.length > 0))
    problems.push(`${at}.nonResourceURLs: rules cannot apply to both regular resources and non-resource URLs`);
  for (const url of nonResourceURLs) {
    if (url === '*') continue;
    if (!url.startsWith('/')) problems.push(`${at}.nonResourceURLs: "${url}" must start with '/'`);
    if (url.slice(0, -1).includes('*')) problems.push(`${at}.nonResourceURLs: "${url}" may have a '*' only at its end`);
  }
  return [...problems, ...stageProblems(omitStages, `${at}.omitStages`)];
}

function resourceProblems(value: unknown, at: string): string[] {
  if (!Array.isArray(value)) return [`${at}: expected a list`];
  return value.flatMap((one: unknown, i) => {
    if (typeof one !== 'object' || one === null) return [`${at}[${i}]: expected an object`];
    const { group = '', resources = [], resourceNames = [], ...others } = one as Record<string, unknown>;
    const problems = Object.keys(others).map((name) => `${at}[${i}].${name}: unknown field`);
    if (typeof group !== 'string') problems.push(`${at}[${i}].group: expected a string`);
    else if (group.includes('/')) problems.push(`${at}[${i}].group: "${group}" names a version, only the group is wanted`);
    if (!isStrings(resources)) problems.push(`${at}[${i}].resources: expected a list of strings`);
    if (!isStrings(resourceNames)) problems.push(`${at}[${i}].resourceNames: expected a list of strings`);
    else if (resourceNames.length > 0 && isStrings(resources) && resources.length === 0)
      problems.push(`${at}[${i}].resourceNames: using resourceNames requires at least one resource`);
    return problems;
  });
}

const isStrings = (value: unknown): value is string[] => Array.isArray(value) && value.every((one) => typeof one === 'string');
const quoted = (values: readonly string[]): string => values.map((value) => `"${value}"`).join(', ');

function stageProblems(value: unknown, at: string): string[] {
  if (value === undefined) return [];
  if (!isStrings(value)) return [`${at}: expected a list of strings`];
  return value
    .filter((stage) => !(STAGES as readonly string[]).includes(stage))
    .map((stage) => `${at}: Unsupported value: "${stage}": supported values: ${quoted(STAGES)}`);
}

/** The first rule that matches says; none: not told. */
export function decide(policy: Policy, info: RequestInfo, user: UserInfo | undefined): Decision {
  const rule = policy.rules.find((one) => matches(one, info, user));
  if (rule === undefined) return { level: 'None', omitStages: [], omitManagedFields: false };
  return {
    level: rule.level,
    omitStages: [...(policy.omitStages ?? []), ...(rule.omitStages ?? [])],
    omitManagedFields: rule.omitManagedFields ?? policy.omitManagedFields ?? false,
  };
}

const holds = (wanted: readonly string[] | undefined, value: string): boolean => !wanted?.length || wanted.includes(value);

function matches(rule: PolicyRule, info: RequestInfo, user: UserInfo | undefined): boolean {
  if (rule.users?.length && (user === undefined || !rule.users.includes(user.name))) return false;
  if (rule.userGroups?.length && !user?.groups.some((group) => rule.userGroups!.includes(group))) return false;
  if (!holds(rule.verbs, info.verb)) return false;
  if (rule.namespaces?.length || rule.resources?.length) {
    if (!info.isResource || !holds(rule.namespaces, info.namespace)) return false;
    return !rule.resources?.length || rule.resources.some((one) => matchesResource(one, info));
  }
  if (!rule.nonResourceURLs?.length) return true;
  return !info.isResource && rule.nonResourceURLs.some((url) => matchesUrl(url, info.path));
}

function matchesResource({ group = '', resources, resourceNames }: GroupResources, info: RequestInfo): boolean {
  if (group !== info.group) return false;
  if (!resources?.length) return true;
  if (!holds(resourceNames, info.name)) return false;
  const whole = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`;
  return resources.some(
    (one) => one === '*' || one === whole || one === `${info.resource}/*` || (info.subresource !== '' && one === `*/${info.subresource}`),
  );
}

const matchesUrl = (url: string, path: string): boolean =>
  url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1)));
