// TokenReview and SelfSubjectReview: the server says who somebody is.
import { badRequest, type KubeObject } from '../../../api/meta/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import type { SubresourceHandler } from '../handlers.ts';
import type { UserInfo } from '../request.ts';
import type { Authenticator } from './authenticator.ts';

const userInfo = (user: UserInfo): object => ({
  username: user.name,
  ...(user.uid ? { uid: user.uid } : {}),
  ...(user.groups.length > 0 ? { groups: user.groups } : {}),
  ...(user.extra ? { extra: user.extra } : {}),
});

export const tokenReviewHandler = (authenticator: Authenticator): SubresourceHandler => ({
  async create({ decode }) {
    const review = await decode();
    const token = review['spec']?.token;
    if (!token) throw badRequest('token is required for TokenReview in authentication');
    const audiences: string[] | undefined = review['spec'].audiences;
    const result = await authenticator.authenticateToken(token, audiences?.length ? audiences : undefined);
    const status =
      'error' in result
        ? { user: {}, error: result.error }
        : { authenticated: true, user: userInfo(result.user), ...(result.audiences.length > 0 ? { audiences: result.audiences } : {}) };
    return { status: 201, body: { ...review, metadata: {}, status } satisfies KubeObject };
  },
});

export const selfSubjectReviewHandler: SubresourceHandler = {
  async create({ request, services }) {
    return {
      status: 201,
      body: {
        kind: 'SelfSubjectReview',
        apiVersion: 'authentication.k8s.io/v1',
        metadata: { creationTimestamp: rfc3339(services.clock.nowMs()) },
        status: { userInfo: userInfo(request.user!) },
      },
    };
  },
};
