import { describe, expect, test } from 'vitest';
import type { HorizontalPodAutoscalerSpec, HPAScalingRules } from '../../../api/gen/types/autoscaling.v2.ts';
import { type History, limit, remembered } from './limits.ts';

const NOW = 10_000_000;
const ago = (seconds: number, replicas: number) => ({ atMs: NOW - seconds * 1000, replicas });
const history = (parts: Partial<History> = {}): History => ({ recommendations: [], ups: [], downs: [], ...parts });
const spec = (scaleUp?: HPAScalingRules, scaleDown?: HPAScalingRules): HorizontalPodAutoscalerSpec => ({
  scaleTargetRef: { kind: 'Deployment', name: 'd' },
  minReplicas: 2,
  maxReplicas: 20,
  ...(scaleUp || scaleDown ? { behavior: { scaleUp: { ...UP, ...scaleUp }, scaleDown: { ...DOWN, ...scaleDown } } } : {}),
});
const UP: HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
};
const DOWN: HPAScalingRules = { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] };
const pods = (value: number, periodSeconds = 60) => [{ type: 'Pods', value, periodSeconds }];

const run = (of: HorizontalPodAutoscalerSpec, wanted: number, current: number, past: Partial<History> = {}) => {
  const { replicas, ableToScale, scalingLimited } = limit(of, wanted, current, history(past), NOW);
  return [replicas, ableToScale.reason, scalingLimited.reason];
};

describe('without rules of its own', () => {
  test.each<[string, number, number, Partial<History>, unknown[]]>([
    ['up', 6, 4, {}, [6, 'ReadyForNewScale', 'DesiredWithinRange']],
    ['up, at most doubled', 15, 4, {}, [8, 'ReadyForNewScale', 'ScaleUpLimit']],
    ['up, at most the maximum', 30, 15, {}, [20, 'ReadyForNewScale', 'TooManyReplicas']],
    ['down, at least the minimum', 1, 4, {}, [2, 'ReadyForNewScale', 'TooFewReplicas']],
    ['down, not below what was wanted lately', 3, 8, { recommendations: [ago(200, 7)] }, [7, 'ScaleDownStabilized', 'DesiredWithinRange']],
    ['down, what was wanted long ago is over', 3, 8, { recommendations: [ago(400, 7)] }, [3, 'ReadyForNewScale', 'DesiredWithinRange']],
  ])('%s', (_, wanted, current, past, expected) => {
    expect(run(spec(), wanted, current, past)).toEqual(expected);
  });
});

describe('with rules', () => {
  test.each<[string, HPAScalingRules, HPAScalingRules, number, number, Partial<History>, unknown[]]>([
    ['pods up', { policies: pods(2) }, {}, 10, 4, {}, [6, 'ReadyForNewScale', 'ScaleUpLimit']],
    [
      'what was added in the period counts',
      { policies: pods(3) },
      {},
      10,
      6,
      { ups: [ago(30, 2)] },
      [7, 'ReadyForNewScale', 'ScaleUpLimit'],
    ],
    ['what was added before does not', { policies: pods(3) }, {}, 10, 6, { ups: [ago(90, 2)] }, [9, 'ReadyForNewScale', 'ScaleUpLimit']],
    ['the least of two policies', { selectPolicy: 'Min' }, {}, 18, 3, {}, [6, 'ReadyForNewScale', 'ScaleUpLimit']],
    ['never up', { selectPolicy: 'Disabled' }, {}, 18, 3, {}, [3, 'ReadyForNewScale', 'ScaleUpLimit']],
    [
      'up only to what was wanted all the time',
      { stabilizationWindowSeconds: 60 },
      {},
      8,
      4,
      { recommendations: [ago(30, 5)] },
      [5, 'ScaleUpStabilized', 'DesiredWithinRange'],
    ],
    ['pods down', {}, { policies: pods(1) }, 3, 8, {}, [7, 'ReadyForNewScale', 'ScaleDownLimit']],
    [
      'percent down',
      {},
      { policies: [{ type: 'Percent', value: 10, periodSeconds: 60 }] },
      3,
      15,
      {},
      [13, 'ReadyForNewScale', 'ScaleDownLimit'],
    ],
    ['never down', {}, { selectPolicy: 'Disabled' }, 3, 8, {}, [8, 'ReadyForNewScale', 'ScaleDownLimit']],
    [
      'down at once when no window',
      {},
      { stabilizationWindowSeconds: 0 },
      3,
      8,
      { recommendations: [ago(10, 8)] },
      [3, 'ReadyForNewScale', 'DesiredWithinRange'],
    ],
    [
      'down waits five minutes by default',
      {},
      {},
      3,
      8,
      { recommendations: [ago(10, 8)] },
      [8, 'ScaleDownStabilized', 'DesiredWithinRange'],
    ],
  ])('%s', (_, up, down, wanted, current, past, expected) => {
    expect(run(spec(up, down), wanted, current, past)).toEqual(expected);
  });
});

test('what no rule asks for any more is forgotten', () => {
  const kept = remembered(
    history({ recommendations: [ago(400, 1), ago(200, 2)], ups: [ago(90, 1), ago(30, 2)] }),
    spec({ policies: pods(1) }),
    NOW,
  );
  expect([kept.recommendations.length, kept.ups.length]).toEqual([1, 1]);
});
