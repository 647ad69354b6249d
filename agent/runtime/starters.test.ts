import { randomBytes } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { type ChildProcess, exitOf, start } from '../../kit/exec/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { readText } from './container-files.ts';
import { endStarters } from './starters.ts';

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(children.splice(0).map(exitOf));
});

/** A shell that waits, under a name and with words of its choice. */
async function waiting(name: string, ...words: string[]): Promise<ChildProcess> {
  const child = await start('bash', ['-c', `exec -a ${name} sh -c 'while :; do sleep 1; done' "$@"`, 'bash', ...words], {
    stdio: 'ignore',
  });
  children.push(child);
  await waitFor({ what: `${name} to run`, timeoutMs: 5_000 }, () => readText(`/proc/${child.pid}/cmdline`)?.startsWith(`${name}\0`));
  return child;
}

test('a monitor and a runtime that create the container end; others, and who only names it, go on', async () => {
  const [id, other] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];
  const starters = [await waiting('conmon', '--cid', id), await waiting('runc', 'create', '--bundle', `/c/${id}`, id)];
  const rest = [await waiting('conmon', '--cid', other), await waiting('tail', id)];
  await endStarters(id);
  expect(await Promise.all(starters.map(exitOf))).toEqual([expect.anything(), expect.anything()]);
  expect(rest.map(({ exitCode, signalCode }) => [exitCode, signalCode])).toEqual([
    [null, null],
    [null, null],
  ]);
  await endStarters(id); // nothing is left to end
});
