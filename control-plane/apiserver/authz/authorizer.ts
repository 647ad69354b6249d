// The question that authorization answers, and who answers it.
import type { RequestInfo, UserInfo } from '../request.ts';

/** May this user do this? For non-resources `isResource` is false and `path` counts. */
export interface Question
  extends Pick<RequestInfo, 'verb' | 'group' | 'version' | 'resource' | 'subresource' | 'namespace' | 'name' | 'path' | 'isResource'> {
  user: UserInfo;
}

export interface Decision {
  allowed: boolean;
  /** Why it is allowed; empty otherwise. */
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
