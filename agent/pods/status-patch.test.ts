import { expect, test } from 'vitest';
import type { PodCondition, PodStatus } from '../../api/gen/types/core.v1.ts';
import { statusPatch } from './status-patch.ts';

const condition = (type: string, status: string, more: Partial<PodCondition> = {}): PodCondition => ({ type, status, ...more });

test('equal statuses need no write', () => {
  const status: PodStatus = { phase: 'Running', conditions: [condition('Ready', 'True')] };
  expect(statusPatch(status, structuredClone(status))).toBeUndefined();
});

test('what goes away is named', () => {
  const before = { phase: 'Pending', message: 'm', conditions: [condition('Ready', 'False', { reason: 'R', message: 'm' })] };
  const after = { phase: 'Running', conditions: [condition('Ready', 'True')] };
  expect(statusPatch(before, after)).toEqual({
    phase: 'Running',
    message: null,
    conditions: [{ type: 'Ready', status: 'True', reason: null, message: null }],
    '$setElementOrder/conditions': [{ type: 'Ready' }],
  });
});

test('conditions of others are left alone but keep their place', () => {
  const gate = condition('example.com/gate', 'True');
  const patch = statusPatch({ conditions: [gate] }, { conditions: [condition('Ready', 'True'), gate] });
  expect(patch).toEqual({
    conditions: [condition('Ready', 'True')],
    '$setElementOrder/conditions': [{ type: 'Ready' }, { type: 'example.com/gate' }],
  });
});

test('a changed address replaces the old one', () => {
  const patch = statusPatch({ podIPs: [{ ip: '10.1.0.2' }] }, { podIPs: [{ ip: '10.1.0.3' }] });
  expect(patch).toEqual({ podIPs: [{ ip: '10.1.0.3' }, { $patch: 'replace' }] });
});
