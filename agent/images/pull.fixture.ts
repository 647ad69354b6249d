// Pulls one image into a store, for the tests that kill it: `node pull.fixture.ts STORE IMAGE`.
import { pullImage } from './pull.ts';
import { ImageStore } from './store.ts';

const [folder = '', name = ''] = process.argv.slice(2);
await pullImage(await ImageStore.open(folder), name);
