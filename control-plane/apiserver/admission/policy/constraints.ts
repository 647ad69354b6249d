// Whether a policy or a binding is about a request (apiserver/pkg/admission/plugin/policy/matching).
import type { Kind } from '../../../../api/kinds/kind.ts';
import type { ServerServices } from '../../handlers.ts';
import type { Attributes } from '../../request.ts';
import { isAdmissionConfiguration, matchingKind, namespaceMatches, objectMatches } from '../matching.ts';
import type { Constraints } from './definitions.ts';

/** Questions about rights have no say over themselves. */
const EXCLUDED = new Map([
  ['authentication.k8s.io', ['selfsubjectreviews', 'tokenreviews']],
  ['authorization.k8s.io', ['localsubjectaccessreviews', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'subjectaccessreviews']],
]);

export const isExcluded = (attributes: Attributes): boolean =>
  isAdmissionConfiguration(attributes) || (EXCLUDED.get(attributes.kind.group)?.includes(attributes.kind.plural) ?? false);

/** The kind in which the rules want the object; undefined when they do not match. Throws what the namespace's lookup throws. */
export async function constrainedKind(
  constraints: Constraints,
  attributes: Attributes,
  services: ServerServices,
): Promise<Kind | undefined> {
  if (!objectMatches(constraints.objectSelector, attributes)) return undefined;
  const { resourceRules = [], excludeResourceRules = [], matchPolicy } = constraints;
  const equivalents = (): readonly Kind[] => services.equivalentsOf(attributes.kind);
  if (excludeResourceRules.length > 0 && matchingKind(excludeResourceRules, matchPolicy, attributes, equivalents)) return undefined;
  const kind = resourceRules.length === 0 ? attributes.kind : matchingKind(resourceRules, matchPolicy, attributes, equivalents);
  // Last, as the namespace may be gone: no error for those that the rules leave out anyway.
  if (kind === undefined || !(await namespaceMatches(constraints.namespaceSelector, attributes, services.reader))) return undefined;
  return kind;
}
