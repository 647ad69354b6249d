import { expect, test } from 'vitest';
import { systemClock } from '../../../kit/run/index.ts';
import { EncryptionReloads } from './encryption.ts';

const ID = 'apiserver_id_hash="sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"'; // of "a"

test('changes of the encryption configuration by upstream’s names: nothing before the first, then how many and when', () => {
  let nowMs = 1_000;
  const reloads = new EncryptionReloads('a', { ...systemClock, nowMs: () => nowMs });
  const samples = () =>
    reloads.families.flatMap((family) => family.text().split('\n')).filter((line) => line !== '' && !line.startsWith('#'));
  expect(samples()).toEqual([]);
  reloads.count(undefined);
  nowMs = 2_500;
  reloads.count(new Error('no such key'));
  nowMs = 4_000;
  reloads.count(undefined);
  const name = 'apiserver_encryption_config_controller_automatic_reload';
  expect(samples()).toEqual([
    `${name}s_total{${ID},status="success"} 2`,
    `${name}s_total{${ID},status="failure"} 1`,
    `${name}_last_timestamp_seconds{${ID},status="success"} 4`,
    `${name}_last_timestamp_seconds{${ID},status="failure"} 2.5`,
  ]);
});
