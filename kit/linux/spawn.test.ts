import { closeSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { pipeFromChild } from './index.ts';
import { spawnProgram } from './spawn.ts';

const env = { PATH: '/usr/bin:/bin', NAME: 'value' };
const quiet = ['ignore', 'ignore', 'ignore'] as const;

/** What a shell writes to stdout, and its exit code. */
async function shell(script: string, options: { cwd?: string } = {}): Promise<[output: string, code: number]> {
  const { stream, fd } = pipeFromChild();
  const child = spawnProgram('sh', ['-c', script], { ...options, env, stdio: ['ignore', fd, 'ignore'] });
  closeSync(fd);
  return await Promise.all([text(stream), child.exit]);
}

test('output, environment, folder and exit code', async () => {
  expect(await shell('echo "$NAME $PWD"; exit 3', { cwd: tmpdir() })).toEqual([`value ${realpathSync(tmpdir())}\n`, 3]);
  expect(await shell('env | grep -c .')).toEqual([expect.stringMatching(/^[2-5]\n$/), 0]); // what the shell itself adds is all there is besides
});

test('descriptors are those that were given, and none that is open here', async () => {
  const own = openSync('/dev/null', 'r');
  try {
    const [numbers] = await shell('ls /proc/self/fd');
    expect(numbers.split('\n')).toEqual(expect.arrayContaining(['0', '1', '2']));
    expect(numbers.split('\n')).not.toContain(`${own}`);
  } finally {
    closeSync(own);
  }
});

test('it leads a session, and signals do what they do by default', async () => {
  // What a shell passes on: while it waits for a child, it blocks all signals itself for a moment.
  const [status, code] = await shell('cut -d" " -f6 /proc/$$/stat; echo $$; grep -E "^Sig(Blk|Ign)" /proc/self/status');
  const [session, pid, ...sets] = status.trim().split('\n');
  expect([session, code]).toEqual([pid, 0]);
  expect(session).not.toBe(readFileSync('/proc/self/stat', 'utf8').split(' ')[5]);
  expect(sets.map((line) => line.split('\t')[1])).toEqual(['0000000000000000', '0000000000000000']);
});

test('a signal ends it with -1, and a child that has ended gets none', async () => {
  const child = spawnProgram('sleep', ['60'], { env, stdio: quiet });
  expect(child.kill('SIGKILL')).toBe(true);
  expect(await child.exit).toBe(-1);
  expect(child.kill('SIGKILL')).toBe(false);
});

test('a program that is not there', () => {
  expect(() => spawnProgram('nosuch', [], { env, stdio: quiet })).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  expect(() => spawnProgram('true', [], { cwd: '/nosuch', env, stdio: quiet })).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});

test('every end of many is told', async () => {
  const children = Array.from({ length: 30 }, (_, i) => spawnProgram('sh', ['-c', `exit ${i}`], { env, stdio: quiet }));
  expect(await Promise.all(children.map(({ exit }) => exit))).toEqual(children.map((_, i) => i));
});
