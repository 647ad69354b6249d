import { expect, test } from 'vitest';
import { encode } from './encode.ts';
import type { ApiRequest } from './request.ts';

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

const asked = (accept: string) =>
  ({
    headers: { accept },
    warnings: [],
    query: new URLSearchParams(),
    info: { subresource: '' },
    served: { kind: { group: 'authorization.k8s.io', version: 'v1', kind: 'SelfSubjectAccessReview', verbs: ['create'] } },
  }) as unknown as ApiRequest;

test('what can only be created has no Table: the next form that is accepted counts, without one it is 406', () => {
  const response = { status: 201, body: { kind: 'SelfSubjectAccessReview', status: { allowed: true } } };
  expect(() => encode(asked(TABLE), response, 0)).toThrow(expect.objectContaining({ code: 406 }));
  const { status, headers, body } = encode(asked(`${TABLE},application/json`), response, 0);
  expect({ status, type: headers['content-type'], body: JSON.parse(String(body)) }).toEqual({
    status: 201,
    type: 'application/json',
    body: response.body,
  });
});
