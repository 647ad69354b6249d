// The question that authorization answers, and who answers it.
import type { RequestInfo, UserInfo } from '../request.ts';

/** May this user do this? For non-resources `isResource` is false and `path` counts. */
export interface Question
  extends Pick<RequestInfo, 'verb' | 'group' | 'version' | 'resource' | 'subresource' | 'namespace' | 'name' | 'path' | 'isResource'> {
  user: UserInfo;
  /** Of a list or watch: what must equal what. */
  fields?: readonly { field: string; value: string }[];
}

export interface Decision {
  allowed: boolean;
  /** Why it is allowed or, when there is more to say than that nothing allows it, why not. */
  reason: string;
}

export interface PolicyRule {
  verbs: readonly string[];
  apiGroups?: readonly string[];
  resources?: readonly string[];
  resourceNames?: readonly string[];
  nonResourceURLs?: readonly string[];
}

export interface Authorizer {
  authorize(question: Question): Decision;
  /** All rules that hold for the user in the namespace ('' for the cluster alone). */
  rulesFor(user: UserInfo, namespace: string): PolicyRule[];
}

export const MASTERS = 'system:masters';
