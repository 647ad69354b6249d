import { expect, test } from 'vitest';
import { Story, step, tell } from '../../kit/run/index.ts';
import { Starts } from './starts.ts';

test('the last starts are kept with their steps', () => {
  const starts = new Starts();
  for (let i = 0; i < 300; i++) {
    const story = new Story();
    tell(story, () => step('image', () => {}));
    starts.add({ metadata: { namespace: 'default', name: `p-${i}`, uid: `u-${i}` } }, story);
  }
  expect(starts.list().length).toBe(256);
  const last = starts.list().at(-1)!;
  expect(last).toMatchObject({ pod: 'default/p-299', uid: 'u-299', steps: [{ name: 'image' }] });
  expect(Math.abs(last.seenAtMs - Date.now())).toBeLessThan(60_000);
  expect(last.tookMs).toBeGreaterThanOrEqual(last.steps[0]!.endMs);
});
