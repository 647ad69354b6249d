import { expect, test } from 'vitest';
import { withoutAccepted } from './accepted.ts';

const user = '   .body.status.containerStatuses.0.user: want undefined got {"linux":{"gid":0,"uid":"<uid>"}}\n';
const other = '   .body.status.phase: want "Failed" got "Running"\n';
const first = 'DIFF a step 1: wait /p\n';
const second = 'DIFF a step 2: GET /q\n';

test.each([
  ['nothing', '', [3, 0], ''],
  ['all of a step', first + user, [4, -1], ''],
  ['a part of a step', first + user + other, [3, 0], first + other],
  ['one of two steps', first + user + second + other, [4, -1], second + other],
  ['none', first + other, [3, 0], first + other],
])('%s is accepted', (_, output, [passed, change], left) => {
  const failed = output.split('DIFF').length - 1;
  expect(withoutAccepted({ passed: 3, failed, output })).toEqual({ passed, failed: failed + change!, output: left });
});
