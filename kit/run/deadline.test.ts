import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Deadline } from './deadline.ts';

describe('Deadline', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('cuts off what is going on at its moment, the last that was named only', () => {
    using deadline = new Deadline(1000);
    const cut: string[] = [];
    deadline.cuts(() => void cut.push('first'));
    deadline.cuts(() => void cut.push('second'));
    vi.advanceTimersByTime(999);
    expect([cut, deadline.isOver]).toEqual([[], false]);
    vi.advanceTimersByTime(1);
    expect([cut, deadline.isOver]).toEqual([['second'], true]);
  });

  test('what begins too late is cut off at once', () => {
    using deadline = new Deadline(1000);
    vi.advanceTimersByTime(1000);
    const cut = vi.fn();
    deadline.cuts(cut);
    expect(cut).toHaveBeenCalledOnce();
  });

  test('leaves no timer behind when all is over in time', () => {
    const cut = vi.fn();
    {
      using deadline = new Deadline(1000);
      deadline.cuts(cut);
    }
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(2000);
    expect(cut).not.toHaveBeenCalled();
  });
});
