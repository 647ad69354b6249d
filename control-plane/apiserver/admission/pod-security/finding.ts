// What the checks of the Pod Security Standards share: how a finding reads, and which containers it names. Pure.

export interface Finding {
  reason: string;
  detail: string;
}

export type PodSpec = Record<string, any>;
export type Container = Record<string, any>;

/** A rule. The standards have versions, those of Kubernetes' minor releases: a namespace may stay with an older one. */
export interface Check {
  /** The first version that has the rule, default all. */
  since?: number;
  /** The baseline rule that a restricted one stands for, from the version on that has it. */
  replaces?: Check;
  find(spec: PodSpec, version: number): Finding | undefined;
}

/** The version from which on a pod with users of its own may be root within them, and see all of /proc. */
const USER_NAMESPACES_SINCE = 35;
export const hasOwnUsers = (spec: PodSpec, version: number): boolean => version >= USER_NAMESPACES_SINCE && spec['hostUsers'] === false;

export const quote = (items: readonly string[]): string => items.map((item) => JSON.stringify(item)).join(', ');
export const plural = (one: string, many: string, count: number): string => (count === 1 ? one : many);
export const named = (names: readonly string[]): string => `${plural('container', 'containers', names.length)} ${quote(names)}`;

/** In upstream's order: init containers, containers, ephemeral ones. */
export const containersOf = (spec: PodSpec): Container[] => [
  ...(spec['initContainers'] ?? []),
  ...(spec['containers'] ?? []),
  ...(spec['ephemeralContainers'] ?? []),
];

export const namesWhere = (spec: PodSpec, bad: (context: Record<string, any>, container: Container) => boolean): string[] =>
  containersOf(spec)
    .filter((container) => bad(container['securityContext'] ?? {}, container))
    .map((container) => container['name'] as string);

export const found = (reason: string, details: readonly (string | false | undefined)[], joiner = ' and '): Finding | undefined => {
  const texts = details.filter((text): text is string => typeof text === 'string' && text !== '');
  return texts.length > 0 ? { reason, detail: texts.join(joiner) } : undefined;
};

/** One finding about containers alone. */
export const containersFinding = (reason: string, names: readonly string[], rule: string): Finding | undefined =>
  names.length > 0 ? { reason, detail: `${named(names)} ${rule}` } : undefined;

export function addedBeyond(spec: PodSpec, allowed: ReadonlySet<string>): string | undefined {
  const beyond = (container: Container): string[] =>
    ((container['securityContext']?.capabilities?.add ?? []) as string[]).filter((name) => !allowed.has(name));
  const bad = containersOf(spec).filter((container) => beyond(container).length > 0);
  if (bad.length === 0) return undefined;
  const capabilities = [...new Set(bad.flatMap(beyond))].sort();
  return `${named(bad.map((container) => container['name']))} must not include ${quote(capabilities)} in securityContext.capabilities.add`;
}

/** Who sets what is forbidden, by security contexts: the pod as a whole, containers, or both; '' for nobody. */
export function setters(spec: PodSpec, bad: (context: Record<string, any>) => boolean): string {
  const names = namesWhere(spec, bad);
  return [bad(spec['securityContext'] ?? {}) && 'pod', names.length > 0 && named(names)].filter(Boolean).join(' and ');
}

/** One finding about those who set something. */
export const settersFinding = (reason: string, who: string, rule: string): Finding | undefined =>
  who === '' ? undefined : { reason, detail: `${who} ${rule}` };

export function unconfined(spec: PodSpec): string | undefined {
  const who = setters(spec, (context) => context['seccompProfile']?.type === 'Unconfined');
  return who === '' ? undefined : `${who} must not set securityContext.seccompProfile.type to "Unconfined"`;
}
