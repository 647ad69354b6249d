// Whether a webhook is asked about a request, and in which version it wants the objects.
import type { Kind } from '../../../../api/kinds/kind.ts';
import { internalError } from '../../../../api/meta/index.ts';
import type { Authorizer } from '../../authz/index.ts';
import type { ServerServices } from '../../handlers.ts';
import type { Attributes } from '../../request.ts';
import { matchingKind, namespaceMatches, objectMatches } from '../matching.ts';
import { conditionsMatch } from './conditions.ts';
import type { ConfiguredHook } from './hooks.ts';
import type { View } from './review.ts';

/** Makes the objects of a request as another version shows them. */
export type ViewIn = (kind: Kind) => Promise<View>;

/** The view that the webhook wants; undefined when it is not asked. Throws 403 when its conditions fail. */
export async function invocationOf(
  { hook }: ConfiguredHook,
  attributes: Attributes,
  services: ServerServices,
  viewIn: ViewIn,
  authorizer: Authorizer,
): Promise<View | undefined> {
  if (!objectMatches(hook.objectSelector, attributes)) return undefined;
  const kind = matchingKind(hook.rules ?? [], hook.matchPolicy, attributes, () => services.equivalentsOf(attributes.kind));
  // Last, as its namespace may be gone: no error for those that the rules leave out anyway.
  if (kind === undefined || !(await namespaceMatches(hook.namespaceSelector, attributes, services.reader))) return undefined;
  const view = await viewIn(kind);
  return conditionsMatch(hook, attributes, view, authorizer) ? view : undefined;
}

/** Views of a request that does not change any more: each version is made once. */
export function viewsOf(attributes: Attributes, services: Pick<ServerServices, 'convert'>): ViewIn {
  const views = new Map<Kind, Promise<View>>();
  return (kind) => {
    let view = views.get(kind);
    if (view === undefined) views.set(kind, (view = viewOf(attributes, kind, services)));
    return view;
  };
}

/** The request's objects in `kind`'s version. What a sub-resource takes (Scale, Binding) is the same in all of them. */
export async function viewOf(attributes: Attributes, kind: Kind, services: Pick<ServerServices, 'convert'>): Promise<View> {
  const { object, oldObject, objectKind } = attributes;
  const own = attributes.kind;
  if (kind === own || objectKind !== own)
    return { resource: kind, kind: kind === own ? objectKind : subKind(attributes, kind), object, oldObject };
  try {
    return {
      resource: kind,
      kind,
      object: object && (await services.convert(object, own, kind)),
      oldObject: oldObject && (await services.convert(oldObject, own, kind)),
    };
  } catch (error) {
    throw internalError((error as Error).message);
  }
}

const subKind = ({ subresource, objectKind }: Attributes, kind: Kind) =>
  kind.subresources.find((sub) => sub.name === subresource)?.responseKind ?? objectKind;
