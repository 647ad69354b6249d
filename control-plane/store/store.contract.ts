// What every store driver keeps; run for each in store.test.ts.
import { describe, expect, test } from 'vitest';
import { type Change, Compacted, Conflict, type Store } from './store.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value);
const keysOf = (entries: readonly { key: string }[]): string[] => entries.map((entry) => entry.key);

/** Puts without a condition. */
const put = (store: Store, key: string, value: string) => store.commit([{ key, value: bytes(value), ifRevision: 'any' }]);
const remove = (store: Store, key: string) => store.commit([{ key, ifRevision: 'any' }]);

/** Reads a watch until `count` changes came or 5 s passed. */
async function take(store: Store, prefix: string, after: bigint, count: number): Promise<Change[]> {
  const stop = new AbortController();
  const timeout = AbortSignal.timeout(5000);
  const changes: Change[] = [];
  for await (const batch of store.watch(prefix, after, AbortSignal.any([stop.signal, timeout]))) {
    changes.push(...batch.changes);
    if (changes.length >= count) stop.abort();
  }
  return changes;
}

const said = (changes: readonly Change[]) => changes.map((c) => [c.key, text(c.previous), text(c.value)]);

/** `open` gives a store with nothing in it; `reopen` the same data again after a close, where the driver can. */
export function storeContract(name: string, open: () => Promise<{ store: Store; reopen?: () => Promise<Store> }>): void {
  const withStore = (what: string, work: (store: Store, reopen?: () => Promise<Store>) => Promise<void>) =>
    test(what, async () => {
      const { store, reopen } = await open();
      try {
        await work(store, reopen);
      } finally {
        await store.close();
      }
    });

  describe(`store contract: ${name}`, () => {
    withStore('a write is read back at its revision; revisions rise', async (store) => {
      const first = await put(store, '/a/1', 'one');
      const second = await put(store, '/a/2', 'two');
      expect(second).toBeGreaterThan(first);
      const read = await store.get('/a/1');
      expect([text(read.entry?.value), read.entry?.revision]).toEqual(['one', first]);
      expect(read.revision).toBe(second);
      expect(await store.revision()).toBe(second);
      expect((await store.get('/a/3')).entry).toBeUndefined();
    });

    withStore('compare and set: the expectation holds or nothing is written', async (store) => {
      const first = await store.commit([{ key: '/a', value: bytes('1'), ifRevision: 'absent' }]);
      await expect(store.commit([{ key: '/a', value: bytes('2'), ifRevision: 'absent' }])).rejects.toMatchObject({
        key: '/a',
        current: { revision: first },
      });
      const second = await store.commit([{ key: '/a', value: bytes('2'), ifRevision: first }]);
      await expect(store.commit([{ key: '/a', value: bytes('3'), ifRevision: first }])).rejects.toThrow(Conflict);
      await expect(store.commit([{ key: '/a', ifRevision: first }])).rejects.toThrow(Conflict);
      await store.commit([{ key: '/a', ifRevision: second }]);
      const error = await store.commit([{ key: '/a', value: bytes('4'), ifRevision: second }]).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(Conflict);
      expect((error as Conflict).current).toBeUndefined();
      expect((await store.get('/a')).entry).toBeUndefined();
    });

    withStore('several writes are all done, at one revision, or none', async (store) => {
      const both = await store.commit([
        { key: '/a', value: bytes('1'), ifRevision: 'absent' },
        { key: '/b', value: bytes('1'), ifRevision: 'absent' },
      ]);
      expect((await store.list('/')).entries.map((e) => e.revision)).toEqual([both, both]);
      const failing = store.commit([
        { key: '/c', value: bytes('1'), ifRevision: 'absent' },
        { key: '/b', value: bytes('2'), ifRevision: 'absent' },
      ]);
      await expect(failing).rejects.toMatchObject({ key: '/b' });
      expect(keysOf((await store.list('/')).entries)).toEqual(['/a', '/b']);
      expect(await store.revision()).toBe(both);
    });

    withStore('one of many writers at the same time wins', async (store) => {
      const at = await put(store, '/counter', '0');
      const tries = await Promise.allSettled(
        Array.from({ length: 20 }, (_, n) => store.commit([{ key: '/counter', value: bytes(String(n)), ifRevision: at }])),
      );
      expect(tries.filter((t) => t.status === 'fulfilled')).toHaveLength(1);
      expect(tries.filter((t) => t.status === 'rejected' && t.reason instanceof Conflict)).toHaveLength(19);
    });

    withStore('lists are sorted, cut by prefix, paged', async (store) => {
      for (const key of ['/p/b', '/p/a', '/p/c', '/pq', '/o', '/p/aa']) await put(store, key, key);
      const all = await store.list('/p/');
      expect(keysOf(all.entries)).toEqual(['/p/a', '/p/aa', '/p/b', '/p/c']);
      expect(all.remaining).toBe(0);
      const page = await store.list('/p/', { limit: 2 });
      expect([keysOf(page.entries), page.remaining]).toEqual([['/p/a', '/p/aa'], 2]);
      const rest = await store.list('/p/', { limit: 2, after: '/p/aa', revision: page.revision });
      expect([keysOf(rest.entries), rest.remaining]).toEqual([['/p/b', '/p/c'], 0]);
      expect((await store.list('/none/')).entries).toEqual([]);
    });

    withStore('a list at an older revision shows that state', async (store) => {
      await put(store, '/a', 'old');
      await put(store, '/gone', 'there');
      const then = await store.revision();
      await put(store, '/a', 'new');
      await put(store, '/a', 'newer');
      await remove(store, '/gone');
      await put(store, '/b', 'later');
      const listing = await store.list('/', { revision: then });
      expect(listing.entries.map((e) => [e.key, text(e.value)])).toEqual([
        ['/a', 'old'],
        ['/gone', 'there'],
      ]);
      expect(listing.revision).toBe(then);
      expect(listing.entries.every((e) => e.revision <= then)).toBe(true);
    });

    withStore('a watch tells every change below its prefix once, in order, with what was before', async (store) => {
      const start = await store.revision();
      await put(store, '/w/a', '1');
      await put(store, '/x/a', '1');
      const live = take(store, '/w/', start, 4);
      await put(store, '/w/a', '2');
      await remove(store, '/w/a');
      const last = await put(store, '/w/a', '3');
      const changes = await live;
      expect(said(changes)).toEqual([
        ['/w/a', undefined, '1'],
        ['/w/a', '1', '2'],
        ['/w/a', '2', undefined],
        ['/w/a', undefined, '3'],
      ]);
      expect(changes.map((c) => c.revision)).toEqual([...changes.map((c) => c.revision)].sort((a, b) => Number(a - b)));
      expect(changes.at(-1)!.revision).toBe(last);
    });

    withStore('a watch from now sees only what comes', async (store) => {
      const now = await put(store, '/w/a', '1');
      const live = take(store, '/w/', now, 1);
      await put(store, '/w/b', '1');
      expect(said(await live)).toEqual([['/w/b', undefined, '1']]);
    });

    withStore('no gap and no double between list and watch under writers', async (store) => {
      const writers = Promise.all(
        Array.from({ length: 4 }, async (_, w) => {
          for (let i = 0; i < 50; i++) await put(store, `/k/${w}-${i % 10}`, `${i}`);
        }),
      );
      const seen: Change[][] = [];
      for (let i = 0; i < 3; i++) {
        const { revision, entries } = await store.list('/k/');
        const state = new Map(entries.map((e) => [e.key, text(e.value)]));
        let final: bigint | undefined;
        let reached = 0n;
        const stop = new AbortController();
        const watched: Change[] = [];
        const watching = (async () => {
          for await (const batch of store.watch('/k/', revision, stop.signal)) {
            watched.push(...batch.changes);
            reached = batch.progress;
            if (final !== undefined && reached >= final) stop.abort();
          }
        })();
        if (i === 2) await writers;
        final = await put(store, '/k/end', `${i}`);
        if (reached >= final) stop.abort(); // the event may come before the answer
        await watching;
        for (const c of watched) if (c.revision <= final) state.set(c.key, text(c.value));
        const now = await store.list('/k/', { revision: final });
        expect([...state].sort()).toEqual(now.entries.map((e) => [e.key, text(e.value)]).sort());
        seen.push(watched);
      }
      for (const watched of seen) expect(new Set(watched.map((c) => `${c.revision} ${c.key}`)).size).toBe(watched.length);
    });

    withStore('progress reaches a watcher whose prefix is quiet', async (store) => {
      const stop = new AbortController();
      const start = await store.revision();
      const seen = (async () => {
        for await (const batch of store.watch('/quiet/', start, AbortSignal.any([stop.signal, AbortSignal.timeout(5000)]))) {
          expect(batch.changes).toEqual([]);
          if (batch.progress >= (await store.revision()) && batch.progress > start) return batch.progress;
        }
        return undefined;
      })();
      const written = await put(store, '/loud/a', '1');
      expect(await seen).toBe(written);
    });

    withStore('a watcher that reads slowly misses nothing, or is told', async (store) => {
      const start = await store.revision();
      const stop = new AbortController();
      const slow = store.watch('/s/', start, stop.signal)[Symbol.asyncIterator]();
      for (let n = 0; n < 20; n++) await Promise.all(Array.from({ length: 100 }, (_, i) => put(store, `/s/${i}`, `${n}`)));
      let count = 0;
      while (count < 2000) {
        const next = await slow.next();
        if (next.done) break;
        count += next.value.changes.length;
      }
      stop.abort();
      expect(count).toBe(2000);
    });

    withStore('compaction forgets history, not the present', async (store) => {
      const first = await put(store, '/a', '1');
      await put(store, '/b', '1');
      await remove(store, '/b');
      const third = await put(store, '/a', '2');
      const fourth = await put(store, '/a', '3');
      await store.compact(third);
      expect(await store.oldest()).toBe(third);
      await expect(take(store, '/', first, 1)).rejects.toThrow(Compacted);
      await expect(store.list('/', { revision: first })).rejects.toThrow(Compacted);
      expect(said(await take(store, '/', third, 1))).toEqual([['/a', '2', '3']]);
      expect((await store.list('/', { revision: third })).entries.map((e) => text(e.value))).toEqual(['2']);
      expect((await store.get('/a')).entry?.revision).toBe(fourth);
    });

    withStore('an aborted watch ends quietly', async (store) => {
      const stop = new AbortController();
      const ended = (async () => {
        for await (const _ of store.watch('/', await store.revision(), stop.signal));
        return 'ended';
      })();
      stop.abort();
      expect(await ended).toBe('ended');
    });

    withStore('reopened: data, revisions and history go on', async (store, reopen) => {
      if (!reopen) return;
      const start = await store.revision();
      await put(store, '/a', '1');
      await put(store, '/b', '1');
      const compacted = await remove(store, '/b');
      await store.compact(compacted);
      const before = await put(store, '/a', '2');
      await store.close();
      const again = await reopen();
      try {
        expect(await again.revision()).toBeGreaterThanOrEqual(before);
        expect(await again.oldest()).toBe(compacted);
        expect((await again.list('/')).entries.map((e) => [e.key, text(e.value), e.revision])).toEqual([['/a', '2', before]]);
        expect(said(await take(again, '/', compacted, 1))).toEqual([['/a', '1', '2']]);
        await expect(take(again, '/', start, 1)).rejects.toThrow(Compacted);
        expect(await put(again, '/c', '1')).toBeGreaterThan(before);
      } finally {
        await again.close();
      }
    });
  });
}
