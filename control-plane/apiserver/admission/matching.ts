// Which requests a webhook or an admission policy is about: rules, selectors, and the same object in other versions.
import type { Kind } from '../../../api/kinds/kind.ts';
import { type KubeObject, notFound, type Selector, selectorFrom } from '../../../api/meta/index.ts';
import type { Attributes, Reader } from '../request.ts';

/** RuleWithOperations; policies may also name objects. */
export interface ResourceRule {
  operations?: readonly string[];
  apiGroups?: readonly string[];
  apiVersions?: readonly string[];
  resources?: readonly string[];
  /** `Cluster`, `Namespaced` or `*` (default). */
  scope?: string;
  resourceNames?: readonly string[];
}

/** A resource as rules see it. */
type Resource = Pick<Kind, 'group' | 'version' | 'plural'>;

const NAMESPACES = { group: '', plural: 'namespaces' };

const isNamespaces = ({ group, plural }: Pick<Kind, 'group' | 'plural'>): boolean => group === '' && plural === 'namespaces';

const has = (items: readonly string[] | undefined, wanted: string): boolean =>
  items !== undefined && (items.includes('*') || items.includes(wanted));

/** The kinds that configure admission: no webhook and no policy is asked about them, or a wrong one could never be taken back. */
const CONFIGURATIONS = new Set([
  'MutatingWebhookConfiguration',
  'ValidatingWebhookConfiguration',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionPolicyBinding',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
]);

export const isAdmissionConfiguration = ({ kind }: Attributes): boolean =>
  kind.group === 'admissionregistration.k8s.io' && CONFIGURATIONS.has(kind.kind);

/** `resource`: what the rule is compared with, when it is not the one asked for. */
function ruleMatches(rule: ResourceRule, attributes: Attributes, resource: Resource = attributes.kind): boolean {
  return (
    scopeMatches(rule.scope, attributes) &&
    has(rule.operations, attributes.operation) &&
    has(rule.apiGroups, resource.group) &&
    has(rule.apiVersions, resource.version) &&
    (rule.resources ?? []).some((text) => resourceMatches(text, resource.plural, attributes.subresource)) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(attributes.name))
  );
}

/** Namespaces count as cluster-scoped, also where a request about one is made inside of it. */
function scopeMatches(scope: string | undefined, { kind, namespace }: Attributes): boolean {
  if (scope === undefined || scope === '*') return true;
  const inNamespace = namespace !== '' && !isNamespaces(kind);
  return scope === 'Namespaced' ? inNamespace : scope === 'Cluster' && !inNamespace;
}

/** `pods`, `pods/status`, `pods/*`, `*`, `*` + `/status`. */
function resourceMatches(text: string, plural: string, subresource: string): boolean {
  const slash = text.indexOf('/');
  const name = slash < 0 ? text : text.slice(0, slash);
  const sub = slash < 0 ? '' : text.slice(slash + 1);
  return (name === '*' || name === plural) && (sub === '*' || sub === subresource);
}

/**
 * The kind in which the rules want the object: the one asked for, or with matchPolicy Equivalent the first of `equivalents` that
 * an earlier rule names. Undefined when none matches.
 */
export function matchingKind(
  rules: readonly ResourceRule[],
  matchPolicy: string | undefined,
  attributes: Attributes,
  equivalents: () => readonly Kind[],
): Kind | undefined {
  if (rules.some((rule) => ruleMatches(rule, attributes))) return attributes.kind;
  if (matchPolicy === 'Exact') return undefined;
  const others = equivalents();
  for (const rule of rules) for (const other of others) if (ruleMatches(rule, attributes, other)) return other;
  return undefined;
}

/** Selectors of cached objects are read once. */
const selectors = new WeakMap<object, Selector>();

function compiled(selector: object): Selector {
  let found = selectors.get(selector);
  if (found === undefined) selectors.set(selector, (found = selectorFrom(selector)));
  return found;
}

const selectsAll = (selector: object | undefined): boolean => selector === undefined || Object.keys(selector).length === 0;

/** The new object or the old one carries the labels. */
export function objectMatches(selector: object | undefined, { object, oldObject }: Attributes): boolean {
  if (selectsAll(selector)) return true;
  const wanted = compiled(selector!);
  return [object, oldObject].some((one) => one !== undefined && wanted.matches(one.metadata?.labels));
}

/** Whether the request's namespace carries the labels; what has no namespace always matches. Throws 404 when it is not there. */
export async function namespaceMatches(selector: object | undefined, attributes: Attributes, reader: Reader): Promise<boolean> {
  if (selectsAll(selector)) return true;
  const { kind, namespace, operation, subresource } = attributes;
  if (namespace === '' && !isNamespaces(kind)) return true;
  const written = isNamespaces(kind) && subresource === '' && (operation === 'CREATE' || operation === 'UPDATE');
  const labels = written ? attributes.object?.metadata.labels : (await namespaceOf(attributes, reader))?.metadata.labels;
  return compiled(selector!).matches(labels);
}

/** The namespace that the request is in, or is about. Throws 404. */
export async function namespaceOf({ kind, namespace, name }: Attributes, reader: Reader): Promise<KubeObject | undefined> {
  const wanted = isNamespaces(kind) ? name : namespace;
  if (wanted === '') return undefined;
  const found = reader.get(NAMESPACES, '', wanted) ?? (await reader.getFresh(NAMESPACES, '', wanted));
  if (!found) throw notFound(NAMESPACES, wanted);
  return found;
}
