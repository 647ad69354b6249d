import { expect, test } from 'vitest';
import { createCa } from '../../../kit/net/index.ts';
import { goesAtMs } from './cleaner.ts';

const start = Date.parse('2030-01-01T00:00:00Z');
const at = (hours: number): string => new Date(start + hours * 3_600_000).toISOString();
const metadata = { name: 'a', creationTimestamp: at(0) };
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const certificate = base64(createCa('x', start - 3649.9 * 86_400_000).cert);

test.each<[string, object | undefined, number]>([
  ['nobody decided', undefined, 24],
  ['denied', { conditions: [{ type: 'Denied', status: 'True', lastUpdateTime: at(5) }] }, 6],
  ['approved and issued', { conditions: [{ type: 'Approved', status: 'True', lastUpdateTime: at(5) }], certificate: base64('x') }, 6],
  ['decided long after it was made', { conditions: [{ type: 'Approved', status: 'True', lastUpdateTime: at(100) }] }, 101],
  ['without the time of the change', { conditions: [{ type: 'Failed', status: 'True', lastTransitionTime: at(2) }] }, 3],
  ['without any time', { conditions: [{ type: 'Failed', status: 'True' }] }, Number.POSITIVE_INFINITY],
])('%s', (_, status, hours) => {
  expect((goesAtMs({ metadata, ...(status ? { status } : {}) } as Parameters<typeof goesAtMs>[0]) - start) / 3_600_000).toBe(hours);
});

test('its certificate is over', () => {
  const status = { conditions: [{ type: 'Approved', status: 'True', lastUpdateTime: at(100) }], certificate };
  const end = goesAtMs({ metadata, status } as unknown as Parameters<typeof goesAtMs>[0]);
  expect(end).toBeLessThan(start + 5 * 3_600_000);
});
