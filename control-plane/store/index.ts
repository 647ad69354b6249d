// Entry of control-plane/store: opens a driver.

import type { EtcdConfig } from './etcd/index.ts';
import { type LocalOptions, LocalStore } from './local.ts';
import { MemoryJournal } from './memory.ts';
import type { Store } from './store.ts';

export * from './encryption/index.ts';
export * from './store.ts';

export type StoreConfig =
  | ({ driver: 'memory' } & LocalOptions)
  | ({ driver: 'embedded'; path: string } & LocalOptions)
  | ({ driver: 'etcd' } & EtcdConfig);

/** Opens the store; the drivers' own libraries are loaded only when asked for. */
export async function openStore(config: StoreConfig): Promise<Store> {
  switch (config.driver) {
    case 'memory':
      return new LocalStore(new MemoryJournal(), config);
    case 'embedded': {
      const { SqliteJournal } = await import('./sqlite.ts');
      return new LocalStore(new SqliteJournal(config.path), config);
    }
    case 'etcd': {
      const { openEtcd } = await import('./etcd/index.ts');
      return openEtcd(config);
    }
  }
}
