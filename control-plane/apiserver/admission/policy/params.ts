// The parameters that a binding hands to its policy (apiserver's CollectParams).
import type { Kind } from '../../../../api/kinds/kind.ts';
import { apiVersionOf, type KubeObject, parseApiVersion, selectorFrom } from '../../../../api/meta/index.ts';
import type { ServerServices } from '../../handlers.ts';
import type { Attributes } from '../../request.ts';
import type { ParamRef, Policy } from './definitions.ts';

/** One evaluation for each; `[undefined]` without parameters, empty when there are none and that is allowed. Throws Error with the reason. */
export async function paramsOf(
  { paramKind }: Policy,
  ref: ParamRef | undefined,
  attributes: Attributes,
  services: ServerServices,
): Promise<(KubeObject | undefined)[]> {
  if (!paramKind || !ref) return [undefined];
  const { group, version } = parseApiVersion(paramKind.apiVersion);
  const kind = services.served({ group, version, kind: paramKind.kind })?.kind;
  if (!kind) throw new Error(`paramKind kind \`${paramKind.apiVersion}, Kind=${paramKind.kind}\` not known`);
  const namespace = namespaceOf(kind, ref, attributes);
  const found = stored(kind, namespace, ref, services);
  if (found.length === 0 && ref.parameterNotFoundAction === 'Deny')
    throw new Error('no params found for policy binding with `Deny` parameterNotFoundAction');
  return Promise.all(found.map((object) => inVersion(object, kind, services)));
}

function namespaceOf(kind: Kind, ref: ParamRef, attributes: Attributes): string {
  if (!kind.namespaced) {
    if (ref.namespace) throw new Error('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
    return '';
  }
  const namespace = ref.namespace || attributes.namespace;
  if (!namespace) throw new Error('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources');
  return namespace;
}

function stored(kind: Kind, namespace: string, ref: ParamRef, { reader }: ServerServices): readonly KubeObject[] {
  const resource = { group: kind.storage?.group ?? kind.group, plural: kind.plural };
  if (ref.name) {
    const object = reader.get(resource, namespace, ref.name);
    return object ? [object] : [];
  }
  const selector = selectorFrom(ref.selector ?? {});
  return reader.list(resource, namespace || undefined).filter((object) => selector.matches(object.metadata.labels));
}

function inVersion(object: KubeObject, kind: Kind, services: ServerServices): KubeObject | Promise<KubeObject> {
  if (object.apiVersion === apiVersionOf(kind)) return object;
  const { group, version } = parseApiVersion(object.apiVersion!);
  const from = services.served({ group, version, kind: object.kind! })?.kind;
  return from ? services.convert(object, from, kind) : object;
}
