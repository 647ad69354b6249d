// What agreed with the recordings of a real Kubernetes once must go on agreeing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Cluster } from '../../rig/index.ts';
import agreed from './agreed.json' with { type: 'json' };
import { areas, hasGolden, replayAll, startRecordedCluster, workersOf } from './replay.ts';

describe.skipIf(!hasGolden())('golden recordings (skipped where ../shared/golden is absent)', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startRecordedCluster();
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  for (const area of areas) {
    const files: readonly string[] = agreed[area];
    test.skipIf(files.length === 0)(`${area}: ${files.length} files agree`, { timeout: 900_000 }, async () => {
      const outcomes = await replayAll(cluster.kubeconfig, area, files, workersOf(area));
      expect(outcomes.filter((o) => o.failed > 0).map((o) => o.output)).toEqual([]);
    });
  }
});
