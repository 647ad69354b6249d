import { expect, test } from 'vitest';
import { EventCorrelator } from './event-correlator.ts';

const event = (message: string, name = 'p') => ({
  object: { kind: 'Pod', name },
  component: 'c',
  host: '',
  type: 'Normal',
  reason: 'R',
  message,
});

test('the same event is counted up from its first time', () => {
  const correlator = new EventCorrelator();
  correlator.see(event('m'), 1000);
  expect(correlator.see(event('m'), 2000)).toMatchObject({ message: 'm', count: 2, firstMs: 1000 });
  expect(correlator.see(event('other'), 3000)).toMatchObject({ count: 1, firstMs: 3000 });
});

test('the tenth similar event within ten minutes is combined', () => {
  const correlator = new EventCorrelator();
  for (let i = 1; i <= 9; i++) expect(correlator.see(event(`m${i}`), i)?.message).toBe(`m${i}`);
  expect(correlator.see(event('m10'), 10)).toMatchObject({ message: '(combined from similar events): m10', count: 1 });
  expect(correlator.see(event('m11'), 11)).toMatchObject({ message: '(combined from similar events): m11', count: 2 });
  expect(correlator.see(event('late'), 700_000)?.message).toBe('late');
});

test('an object may have 25 events at once, then one each five minutes', () => {
  const correlator = new EventCorrelator();
  for (let i = 0; i < 25; i++) expect(correlator.see(event('m'), 0)).toBeDefined();
  expect(correlator.see(event('m'), 0)).toBeUndefined();
  expect(correlator.see(event('m', 'other'), 0)).toBeDefined();
  expect(correlator.see(event('m'), 299_999)).toBeUndefined();
  expect(correlator.see(event('m'), 300_000)).toBeDefined();
});
