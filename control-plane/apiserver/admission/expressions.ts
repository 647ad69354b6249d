// What expressions see of a request: `object`, `oldObject`, `request`, `namespaceObject`, `authorizer`.
import {
  type AuthorizationAnswer,
  type AuthorizationQuestion,
  authorizerValue,
  fromJson,
  resourceCheckValue,
  type Value,
} from '../../../api/cel/index.ts';
import type { Kind } from '../../../api/kinds/kind.ts';
import type { GroupVersionKind, KubeObject } from '../../../api/meta/index.ts';
import { type Authorizer, fieldsOfText } from '../authz/index.ts';
import type { Attributes, UserInfo } from '../request.ts';

/** The request's objects in the version that a rule asks for. */
export interface SeenAs {
  readonly resource: Kind;
  readonly kind: GroupVersionKind;
  readonly object?: KubeObject | undefined;
  readonly oldObject?: KubeObject | undefined;
}

/** Values by the variables' names. `namespaceObject` is null for what has no namespace. */
export function requestBindings(
  attributes: Attributes,
  seen: SeenAs,
  authorizer: Authorizer,
  namespace?: KubeObject,
): Record<string, Value> {
  const ask = (question: AuthorizationQuestion): AuthorizationAnswer => answer(authorizer, attributes.user, question);
  const { kind, subresource, name } = attributes;
  const about = {
    group: kind.group,
    resource: kind.plural,
    ...(subresource ? { subresource } : {}),
    ...(attributes.namespace ? { namespace: attributes.namespace } : {}),
    ...(name ? { name } : {}),
  };
  return {
    object: objectValue(seen.object),
    oldObject: objectValue(seen.oldObject),
    request: fromJson(requestOf(attributes, seen)),
    namespaceObject: objectValue(namespace && namespaceSeen(namespace)),
    authorizer: authorizerValue(ask),
    'authorizer.requestResource': resourceCheckValue(ask, about),
  };
}

export const objectValue = (object: object | undefined): Value => (object === undefined ? null : fromJson(object));

/** AdmissionRequest of admission.k8s.io/v1, without its objects; empty texts are left out. */
function requestOf(attributes: Attributes, seen: SeenAs): object {
  const { kind, objectKind, subresource, user } = attributes;
  const triple = ({ group, version, kind: name }: GroupVersionKind) => ({ group, version, kind: name });
  const resource = ({ group, version, plural }: Kind) => ({ group, version, resource: plural });
  return {
    kind: triple(seen.kind),
    resource: resource(seen.resource),
    ...(subresource ? { subResource: subresource, requestSubResource: subresource } : {}),
    requestKind: triple(objectKind),
    requestResource: resource(kind),
    ...(attributes.name ? { name: attributes.name } : {}),
    ...(attributes.namespace ? { namespace: attributes.namespace } : {}),
    operation: attributes.operation,
    userInfo: userInfo(user),
    dryRun: attributes.dryRun,
    ...(attributes.options ? { options: attributes.options } : {}),
  };
}

const userInfo = ({ name, uid, groups, extra }: UserInfo): object => ({
  ...(name ? { username: name } : {}),
  ...(uid ? { uid } : {}),
  ...(groups.length > 0 ? { groups } : {}),
  ...(extra && Object.keys(extra).length > 0 ? { extra } : {}),
});

/** What is promised of a namespace: no owner references, no managed fields. */
function namespaceSeen({ metadata, ...rest }: KubeObject): object {
  const { managedFields: _, ownerReferences: __, ...seen } = metadata;
  return { metadata: seen, spec: rest['spec'], status: rest['status'] };
}

function answer(authorizer: Authorizer, user: UserInfo, question: AuthorizationQuestion): AuthorizationAnswer {
  const { serviceAccount: account } = question;
  const asked: UserInfo = account
    ? {
        name: `system:serviceaccount:${account.namespace}:${account.name}`,
        groups: ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`, 'system:authenticated'],
      }
    : user;
  return authorizer.authorize({
    user: asked,
    verb: question.verb,
    isResource: question.path === undefined,
    path: question.path ?? '',
    group: question.group ?? '',
    version: '*',
    resource: question.resource ?? '',
    subresource: question.subresource ?? '',
    namespace: question.namespace ?? '',
    name: question.name ?? '',
    // Labels restrict nothing that our authorizers look at.
    ...(question.fieldSelector ? { fields: fieldsOfText(question.fieldSelector).fields } : {}),
  });
}
