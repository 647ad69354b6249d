import { expect, test } from 'vitest';
import { run, tryRun } from '../exec/index.ts';
import { Story, step, tell } from './steps.ts';

const names = (story: Story) => story.steps.map(({ name }) => name);

test('steps belong to the story in whose course they were begun', async () => {
  const one = new Story();
  const two = new Story();
  const work = (name: string) => step(name, async () => step(`${name}/inner`, () => 1));
  const results = await Promise.all([tell(one, () => work('a')), tell(two, () => work('b'))]);
  expect(results).toEqual([1, 1]);
  expect(names(one)).toEqual(['a/inner', 'a']);
  expect(names(two)).toEqual(['b/inner', 'b']);
  for (const { beginMs, endMs } of one.steps) expect(endMs).toBeGreaterThanOrEqual(beginMs);
});

test('without a story the work is just done', () => {
  expect(step('alone', () => 7)).toBe(7);
});

test('what runs inside may be taken out of the story', () => {
  const story = new Story();
  tell(story, () => tell(undefined, () => step('outside', () => {})));
  expect(story.steps).toEqual([]);
});

test('a step that fails is not over', async () => {
  const story = new Story();
  const failing = tell(story, () => step('fails', async () => Promise.reject(new Error('no'))));
  await expect(failing).rejects.toThrow('no');
  expect(story.steps).toEqual([]);
});

test('a story is bounded', () => {
  const story = new Story();
  tell(story, () => {
    for (let i = 0; i < 1000; i++) step('again', () => {});
  });
  expect(story.steps.length).toBe(64);
});

test('the process dies after the step that it is told, at the time that it is told', async () => {
  const program = `
    const { step } = await import('${import.meta.dirname}/steps.ts');
    for (const name of ['a', 'b', 'b', 'c']) step(name, () => process.stdout.write(name));`;
  const argv = ['--input-type=module', '-e', program];
  expect((await run(process.execPath, argv)).stdout).toBe('abbc');
  const killed = await tryRun(process.execPath, argv, { env: { WHERRY_CRASH_AFTER: 'b 2' } });
  expect(killed.stdout).toBe('abb');
  expect(killed.failure).toBeDefined();
});
