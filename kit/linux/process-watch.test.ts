// Processes that end are told, and those that cannot be watched; the others are not.
import { afterEach, expect, test } from 'vitest';
import { ProcessWatch } from './process-watch.ts';
import { spawnProgram } from './spawn.ts';

const quiet = ['ignore', 'ignore', 'ignore'] as const;
const sleeper = () => spawnProgram('sleep', ['60'], { env: { PATH: '/usr/bin:/bin' }, stdio: quiet });
const started: ReturnType<typeof sleeper>[] = [];
afterEach(() => {
  for (const { pid } of started.splice(0)) process.kill(pid, 'SIGKILL');
});

test('whoever ends is told until it is deleted, the others are not; nobody is told of what was never there', async () => {
  const [one, two] = [sleeper(), sleeper()];
  started.push(two);
  const watch = new ProcessWatch();
  watch.add('one', one.pid);
  watch.add('two', two.pid);
  watch.add('nobody', 0);
  expect(watch.ended()).toEqual(['nobody']);
  process.kill(one.pid, 'SIGKILL');
  await one.exit;
  expect(watch.ended()).toEqual(['nobody', 'one']);
  expect(watch.ended()).toEqual(['nobody', 'one']);
  watch.delete('one');
  watch.add('nobody', two.pid);
  expect(watch.ended()).toEqual([]);
  watch.close();
  expect(watch.ended()).toEqual([]);
});
