// placeholder
import type { Store } from '../store.ts';
export async function openEtcd(_endpoints: readonly string[], _prefix?: string): Promise<Store> {
  throw new Error('not yet');
}
