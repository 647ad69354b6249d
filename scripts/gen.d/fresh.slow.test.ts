// The committed facts are what scripts/gen makes of the pinned Go modules.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('api/gen is fresh', { timeout: 120_000 }, (context) => {
  const done = spawnSync(process.execPath, [fileURLToPath(new URL('../gen', import.meta.url)), '--check'], { encoding: 'utf8' });
  if (done.status === 3) context.skip(done.stderr.trim());
  expect(done.stdout + done.stderr).toBe('');
  expect(done.status).toBe(0);
});
