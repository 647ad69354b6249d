// The process that crash.root.test.ts kills: writes without pause and says each acknowledged revision and key on stdout.
import { writeSync } from 'node:fs';
import { openStore } from './index.ts';

const store = await openStore({ driver: 'embedded', path: process.argv[2]! });
const value = new Uint8Array(1000).fill(7);
await Promise.all(
  Array.from({ length: 16 }, async (_, client) => {
    for (let n = 0; ; n++) {
      const key = `/k/${client}/${n % 50}`;
      const revision = await store.commit([{ key, value, ifRevision: 'any' }]);
      writeSync(1, `${revision} ${key}\n`);
    }
  }),
);
