// What a flow schema's rules must be: who asks, and for what.
import { dns1123Label, dns1123Subdomain, forbiddenField, invalidValue, notSupported, type Problem, required } from '../../meta/index.ts';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];
/** A subject's kind and the member that tells of it. */
const SUBJECTS: Readonly<Record<string, string>> = { Group: 'group', ServiceAccount: 'serviceAccount', User: 'user' };

export function validateRule(rule: any, path: string): Problem[] {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rule;
  const problems: Problem[] = [];
  if (subjects.length === 0) problems.push(required(`${path}.subjects`, 'subjects must contain at least one value'));
  problems.push(...subjects.flatMap((subject: any, i: number) => validateSubject(subject, `${path}.subjects[${i}]`)));
  if (resourceRules.length + nonResourceRules.length === 0)
    problems.push(required(path, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
  problems.push(...resourceRules.flatMap((one: any, i: number) => validateResources(one, `${path}.resourceRules[${i}]`)));
  return [...problems, ...nonResourceRules.flatMap((one: any, i: number) => validatePaths(one, `${path}.nonResourceRules[${i}]`))];
}

function validateSubject(subject: any, path: string): Problem[] {
  const own = SUBJECTS[subject.kind ?? ''];
  if (own === undefined) return [notSupported(`${path}.kind`, subject.kind ?? '', Object.keys(SUBJECTS))];
  const problems: Problem[] = [];
  const told = subject[own];
  if (!told) problems.push(required(`${path}.${own}`, `${own} is required when subject kind is '${subject.kind}'`));
  else if (!told.name) problems.push(required(`${path}.${own}.name`));
  if (told && own === 'serviceAccount') problems.push(...validateAccount(told, `${path}.${own}`));
  for (const [kind, other] of Object.entries(SUBJECTS))
    if (other !== own && subject[other])
      problems.push(forbiddenField(`${path}.${other}`, `${other} is forbidden when subject kind is not '${kind}'`));
  return problems;
}

function validateAccount({ name, namespace }: any, path: string): Problem[] {
  const problems: Problem[] = [];
  if (name && name !== '*') problems.push(...dns1123Subdomain(name).map((text) => invalidValue(`${path}.name`, name, text)));
  if (!namespace) return [...problems, required(`${path}.namespace`, 'must specify namespace for service account')];
  return [...problems, ...dns1123Label(namespace).map((text) => invalidValue(`${path}.namespace`, namespace, text))];
}

/** `*` stands alone. */
function validateList(values: readonly string[], path: string, missing: string, others: string): Problem[] {
  if (values.length === 0) return [required(path, missing)];
  if (values.includes('*') && values.length > 1) return [invalidValue(path, values, `if '*' is present, must not specify other ${others}`)];
  return [];
}

function validateVerbs(verbs: readonly string[], path: string): Problem[] {
  const problems = validateList(verbs, path, 'verbs must contain at least one value', 'verbs');
  if (problems.length > 0 || verbs[0] === '*' || verbs.every((verb) => VERBS.includes(verb))) return problems;
  return [notSupported(path, verbs, VERBS)];
}

function validateResources({ verbs = [], apiGroups = [], resources = [], namespaces = [], clusterScope }: any, path: string): Problem[] {
  const problems = [
    ...validateVerbs(verbs, `${path}.verbs`),
    ...validateList(apiGroups, `${path}.apiGroups`, 'resource rules must supply at least one api group', 'api groups'),
    ...validateList(resources, `${path}.resources`, 'resource rules must supply at least one resource', 'resources'),
  ];
  if (namespaces.length === 0 && clusterScope) return problems;
  const missing = 'resource rules that are not cluster scoped must supply at least one namespace';
  const wrong = validateList(namespaces, `${path}.namespaces`, missing, 'namespaces');
  if (wrong.length > 0 || namespaces[0] === '*') return [...problems, ...wrong];
  const malformed = namespaces.flatMap((name: string, i: number) => {
    const texts = dns1123Label(name);
    return texts.length > 0 ? [invalidValue(`${path}.namespaces[${i}]`, name, texts.join(','))] : [];
  });
  return [...problems, ...malformed];
}

function validatePaths({ verbs = [], nonResourceURLs = [] }: any, path: string): Problem[] {
  const at = `${path}.nonResourceURLs`;
  const problems = [
    ...validateVerbs(verbs, `${path}.verbs`),
    ...validateList(nonResourceURLs, at, 'nonResourceURLs must contain at least one value', 'non-resource URLs'),
  ];
  if (problems.length > 0 || nonResourceURLs[0] === '*') return problems;
  return nonResourceURLs.flatMap((url: string, i: number) => validateUrl(url, `${at}[${i}]`));
}

/** A path from the root; a wildcard only as its last part. */
function validateUrl(url: string, field: string): Problem[] {
  if (url === '') return [invalidValue(field, url, 'must not be empty')];
  if (url === '/') return [];
  const parts = url.split('/');
  if (parts[0] !== '') return [invalidValue(field, url, 'must start with slash')];
  if (url.includes(' ')) return [invalidValue(field, url, 'must not contain white-space')];
  if (url.includes('//')) return [invalidValue(field, url, 'must not contain double slash')];
  if (parts.slice(1, -1).some((part) => part.includes('*')) || /[^/]\*|\*./.test(url))
    return [invalidValue(field, url, 'wildcard can only do suffix matching')];
  return [];
}
