import { expect, test } from 'vitest';
import { createCa } from '../../kit/net/index.ts';
import { systemClock } from '../../kit/run/index.ts';
import { lifeOf } from './life.ts';
import { CertificateMetrics } from './metrics.ts';

test('seconds that are left, negative when they are over; nothing of a certificate that is not there', () => {
  let nowMs = 1_700_000_000_000;
  const pair = createCa('a', nowMs);
  const metrics = new CertificateMetrics({ ...systemClock, nowMs: () => nowMs });
  const read = (name: string) =>
    metrics.families
      .map((family) => family.text())
      .join('')
      .split('\n')
      .find((line) => line.startsWith(`kubelet_${name} `))
      ?.split(' ')[1];
  metrics.use('client', pair);
  metrics.failed('server');
  const { toMs } = lifeOf(pair.cert);
  expect(read('certificate_manager_client_ttl_seconds')).toBe(`${(toMs - nowMs) / 1000}`);
  nowMs = toMs + 5000;
  expect(read('certificate_manager_client_ttl_seconds')).toBe('-5');
  expect(read('certificate_manager_server_ttl_seconds')).toBeUndefined();
  expect([read('server_expiration_renew_errors'), read('certificate_manager_client_expiration_renew_errors')]).toEqual(['1', '0']);
});
