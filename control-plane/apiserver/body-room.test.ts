import { expect, test } from 'vitest';
import { BodyRoom, type Place } from './body-room.ts';

const CHUNK = 128;

function roomFor(max: number) {
  const room = new BodyRoom(max);
  const gone: string[] = [];
  const enter = (name: string): Place => {
    const place = room.enter(() => {
      gone.push(name);
      place.leave();
    });
    return place;
  };
  return { room, gone, enter };
}

test('who has sent nothing for the longest gives way', () => {
  const { room, gone, enter } = roomFor(3000 + 4 * CHUNK);
  const [stalled, slow, quick] = [enter('stalled'), enter('slow'), enter('quick')];
  stalled.add(1000);
  slow.add(500);
  slow.add(500);
  quick.add(1000);
  expect(gone).toEqual([]);
  quick.add(1);
  expect(gone).toEqual(['stalled']);
  expect(room.held).toBe(2001 + 4 * CHUNK);
});

test('one that gave way counts no more, whatever comes of it', () => {
  const { room, gone, enter } = roomFor(1000 + CHUNK);
  const first = enter('first');
  first.add(1000);
  enter('second').add(1000);
  first.add(1000);
  first.leave();
  expect([gone, room.held]).toEqual([['first'], 1000 + CHUNK]);
});

test('who has sent nothing holds nothing that others could use', () => {
  const { gone, enter } = roomFor(1000);
  enter('silent');
  enter('large').add(1000); // and is too large by itself
  expect(gone).toEqual(['large']);
});

test('what is complete leaves its room', () => {
  const { room, gone, enter } = roomFor(2 * CHUNK + 2);
  for (let i = 0; i < 10; i++) {
    const place = enter(String(i));
    place.add(1);
    place.leave();
    place.leave();
  }
  expect([gone, room.held]).toEqual([[], 0]);
});

test('many small chunks are no way around the limit', () => {
  const { gone, enter } = roomFor(10 * CHUNK);
  const place = enter('drops');
  for (let i = 0; i < 10; i++) place.add(1);
  expect(gone).toEqual(['drops']);
});
