// Pulls one image into a store, for the tests that kill it: `node pull.fixture.ts STORE IMAGE`.
import { ImageStore, pullImage } from './index.ts';

const [folder = '', name = ''] = process.argv.slice(2);
await pullImage(await ImageStore.open(folder), name);
