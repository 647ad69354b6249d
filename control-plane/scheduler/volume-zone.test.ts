import { expect, test } from 'vitest';
import type { Labels } from '../../api/meta/index.ts';
import { inZoneOf } from './volume-zone.ts';

const ZONE = 'topology.kubernetes.io/zone';
const OLD_ZONE = 'failure-domain.beta.kubernetes.io/zone';
test.each<[Labels, Labels, boolean | undefined]>([
  [{}, { [ZONE]: 'a' }, undefined],
  [{ [ZONE]: 'a' }, { [ZONE]: 'a' }, true],
  [{ [ZONE]: 'a' }, { [ZONE]: 'b' }, false],
  [{ [ZONE]: 'a__b' }, { [ZONE]: 'b' }, true],
  [{ [OLD_ZONE]: 'a' }, { [ZONE]: 'a' }, true],
  [{ [OLD_ZONE]: 'a' }, { [OLD_ZONE]: 'b', [ZONE]: 'a' }, false],
  [{ [ZONE]: 'a' }, { 'topology.kubernetes.io/region': 'r' }, false],
  [{ [ZONE]: 'a' }, { other: 'label' }, true],
])('a volume labelled %j and a node labelled %j: %s', (volume, node, fits) => {
  expect(inZoneOf([{ metadata: { labels: volume } }])?.({ metadata: { labels: node } })).toBe(fits);
});
