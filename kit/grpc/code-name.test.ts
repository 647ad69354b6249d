import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { codeName } from './code-name.ts';

test.each([
  [status.OK, 'OK'],
  [status.CANCELLED, 'Canceled'],
  [status.DEADLINE_EXCEEDED, 'DeadlineExceeded'],
  [status.OUT_OF_RANGE, 'OutOfRange'],
  [status.UNIMPLEMENTED, 'Unimplemented'],
  [status.UNAUTHENTICATED, 'Unauthenticated'],
  [17, 'Code(17)'],
])('%i is %s', (code, name) => expect(codeName(code)).toBe(name));
