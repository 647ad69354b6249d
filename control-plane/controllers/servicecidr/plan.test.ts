import { describe, expect, test } from 'vitest';
import type { IPAddress, ServiceCIDR } from '../../../api/gen/types/networking.v1.ts';
import { ALLOCATOR, FINALIZER, MANAGED_BY, nextRepair, nextStep } from './plan.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const cidr = (name: string, ranges: string[], extra: { held?: boolean; ready?: string; deleted?: string } = {}): ServiceCIDR => ({
  metadata: {
    name,
    ...(extra.held === false ? {} : { finalizers: [FINALIZER] }),
    ...(extra.deleted ? { deletionTimestamp: extra.deleted } : {}),
  },
  spec: { cidrs: ranges },
  status: extra.ready ? { conditions: [{ type: 'Ready', status: extra.ready, reason: '', message: '', lastTransitionTime: 't' }] } : {},
});
const address = (name: string, parent = 's', managed = true, creationTimestamp = '2026-01-01T00:00:00Z'): IPAddress => ({
  metadata: { name, creationTimestamp, ...(managed ? { labels: { [MANAGED_BY]: ALLOCATOR } } : {}) },
  spec: { parentRef: { group: '', resource: 'services', namespace: 'd', name: parent } },
});

describe('a range', () => {
  test('is held first, then said to be ready, then left alone', () => {
    expect(nextStep(cidr('a', ['10.1.0.0/24'], { held: false }), [], [], NOW)).toEqual({ do: 'hold' });
    expect(nextStep(cidr('a', ['10.1.0.0/24']), [], [], NOW)).toMatchObject({
      do: 'tell',
      condition: { status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' },
    });
    expect(nextStep(cidr('a', ['10.1.0.0/24'], { ready: 'True' }), [], [], NOW)).toEqual({ do: 'nothing' });
  });

  const going = cidr('a', ['10.1.0.0/24'], { ready: 'True', deleted: '2026-01-01T00:59:57Z' });
  test.each<[string, ServiceCIDR[], IPAddress[], number, object]>([
    ['with an address in it', [], [address('10.1.0.7')], NOW, { do: 'tell', condition: { status: 'False', reason: 'Terminating' } }],
    ['with an address that another range has too', [cidr('b', ['10.1.0.0/16'])], [address('10.1.0.7')], NOW, { do: 'wait', ms: 7000 }],
    ['with an address that the half of it has too', [cidr('b', ['10.1.0.0/25'])], [address('10.1.0.7')], NOW, { do: 'wait', ms: 7000 }],
    ['when the other goes too', [cidr('b', ['10.1.0.0/16'], { deleted: 't' })], [address('10.1.0.7')], NOW, { do: 'tell' }],
    ['with an address elsewhere', [], [address('10.2.0.7')], NOW, { do: 'wait', ms: 7000 }],
    ["with somebody's own address", [], [address('10.1.0.7', 's', false)], NOW, { do: 'wait', ms: 7000 }],
    ['after ten seconds', [], [], NOW + 7000, { do: 'release' }],
  ])('that is being deleted, %s', (_, others, addresses, nowMs, step) => {
    expect(nextStep(going, [going, ...others], addresses, nowMs)).toMatchObject(step);
  });
});

test.each<[string, IPAddress | undefined, string | undefined, object]>([
  ['nobody has it, nothing says so', undefined, undefined, { do: 'nothing' }],
  ['missing', undefined, 'd/s', { do: 'create' }],
  ['right', address('10.1.0.7'), 'd/s', { do: 'nothing' }],
  ["another's", address('10.1.0.7', 'other'), 'd/s', { do: 'replace' }],
  ['left over', address('10.1.0.7'), undefined, { do: 'remove' }],
  ['perhaps about to be used', address('10.1.0.7', 's', true, '2026-01-01T00:59:30Z'), undefined, { do: 'wait', ms: 30_000 }],
  ["somebody's own", address('10.1.0.7', 's', false), undefined, { do: 'nothing' }],
])('the record of an address: %s', (_, record, holder, repair) => {
  expect(nextRepair(record, holder, NOW)).toEqual(repair);
});
