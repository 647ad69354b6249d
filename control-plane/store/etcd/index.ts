// Entry of the etcd driver.
import type { Store } from '../store.ts';
import { EtcdClient, type EtcdTls } from './client.ts';
import { EtcdStore } from './etcd.ts';

export interface EtcdConfig {
  endpoints: readonly string[];
  /** In front of every key; default `/wherry`. */
  prefix?: string;
  tls?: EtcdTls;
  retentionMs?: number;
  progressMs?: number;
}

/** @throws ServiceError when no endpoint answers within 10 s */
export async function openEtcd({ endpoints, prefix = '/wherry', tls, ...options }: EtcdConfig): Promise<Store> {
  const client = new EtcdClient(endpoints, tls);
  try {
    return await EtcdStore.open({ client, root: prefix, ...options });
  } catch (error) {
    client.close();
    throw error;
  }
}
