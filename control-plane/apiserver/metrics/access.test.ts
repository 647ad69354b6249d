import { expect, test } from 'vitest';
import { StatusError } from '../../../api/meta/index.ts';
import { authenticateStage } from '../authn/index.ts';
import { authorizeStage } from '../authz/index.ts';
import type { ApiRequest, UserInfo } from '../request.ts';
import { AccessMetrics, userLabel } from './access.ts';

const samples = (metrics: AccessMetrics) =>
  metrics.families.flatMap((family) => family.text().split('\n')).filter((line) => /^[a-z_]*(attempts|total|requests|count)\{/.test(line));

test.each([
  ['admin', 'admin'],
  ['system:serviceaccount:kube-system:default', 'system:serviceaccount:kube-system:default'],
  ['jane@example.com', 'email_id'],
  ['system:node:n1', 'other'],
])('the name %s is told as %s', (name, label) => expect(userLabel(name)).toBe(label));

const requestOf = (more: Partial<ApiRequest> = {}) =>
  ({
    method: 'GET',
    path: '/api',
    query: new URLSearchParams(),
    headers: {},
    info: { isResource: false, verb: 'get', path: '/api' },
    ...more,
  }) as ApiRequest;
const answered = async () => ({ status: 200 });

test('who asks: somebody, nobody, wrong credentials; what programs of this process ask is not looked at', async () => {
  const metrics = new AccessMetrics();
  const outcomes: (() => Promise<UserInfo | undefined>)[] = [
    async () => ({ name: 'jane@example.com', groups: [] }),
    async () => undefined,
    () => Promise.reject(new StatusError(401, 'Unauthorized', 'Unauthorized')),
  ];
  for (const [i, authenticate] of outcomes.entries()) {
    const stage = authenticateStage({ authenticate, authenticateToken: async () => ({ error: '' }), audiences: [] }, metrics, {
      enabled: false,
    });
    const answer = stage.handle(requestOf(), answered);
    if (i === 0) await answer;
    else await expect(answer).rejects.toMatchObject({ code: 401 });
    await stage.handle(requestOf({ user: { name: 'system:apiserver', groups: [] } }), answered);
  }
  expect(samples(metrics)).toEqual([
    'authentication_attempts{result="success"} 1',
    'authentication_attempts{result="failure"} 1',
    'authentication_attempts{result="error"} 1',
    'authentication_duration_seconds_count{result="success"} 1',
    'authentication_duration_seconds_count{result="failure"} 1',
    'authentication_duration_seconds_count{result="error"} 1',
    'authenticated_user_requests{username="email_id"} 1',
  ]);
});

test('may they: each decision is counted', async () => {
  const metrics = new AccessMetrics();
  const authorizer = { authorize: ({ user }: { user: UserInfo }) => ({ allowed: user.name === 'jane', reason: '' }), rulesFor: () => [] };
  const stage = authorizeStage(authorizer, metrics);
  await stage.handle(requestOf({ user: { name: 'jane', groups: [] } }), answered);
  await expect(stage.handle(requestOf({ user: { name: 'joe', groups: [] } }), answered)).rejects.toMatchObject({ code: 403 });
  expect(samples(metrics)).toEqual([
    'authorization_attempts_total{result="allowed"} 1',
    'authorization_attempts_total{result="no-opinion"} 1',
    'authorization_duration_seconds_count{result="allowed"} 1',
    'authorization_duration_seconds_count{result="no-opinion"} 1',
  ]);
});
