import { expect, test } from 'vitest';
import { refuseCdi } from './cdi.ts';

test('CDI devices are refused by name', () => {
  expect(() => refuseCdi({})).not.toThrow();
  expect(() => refuseCdi({ cdiDevices: [] })).not.toThrow();
  expect(() => refuseCdi({ cdiDevices: ['v.com/gpu=0', 'v.com/gpu=1'] })).toThrow(
    'CDI devices are not supported: v.com/gpu=0, v.com/gpu=1',
  );
});
