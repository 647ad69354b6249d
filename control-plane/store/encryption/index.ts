// Entry of control-plane/store/encryption: a store in front of any driver's, whose chosen resources lie encrypted in it.
import { readFileSync } from 'node:fs';
import type { Change, Entry, Listing, ListOptions, Store, Write } from '../store.ts';
import { type Encrypted, parseEncryption } from './config.ts';
import { follow } from './follow.ts';
import type { Provider } from './providers.ts';

/** @throws Error that names the file and the field */
function readEncryption(path: string): Encrypted[] {
  try {
    return parseEncryption(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`encryption configuration ${path}: ${(error as Error).message}`);
  }
}

export function encryptedStore(store: Store, encrypted: readonly Encrypted[]): EncryptedStore {
  return new EncryptedStore(store, encrypted);
}

/** The store, encrypted as the file says, and as it says from then on when it changes. What does not parse is told and changes nothing. */
export function followedStore(store: Store, path: string, told: (error: Error | undefined) => void): EncryptedStore {
  const made = encryptedStore(store, readEncryption(path));
  made.onClose(follow(path, () => made.use(readEncryption(path)), told));
  return made;
}

const MAGIC = Buffer.from('k8s:enc:');

export class EncryptedStore implements Store {
  readonly #store: Store;
  #encrypted: readonly Encrypted[];
  /** Of each resource's keys, by `/registry/<group>/<plural>/`. */
  readonly #providers = new Map<string, readonly Provider[]>();
  /** How plain values lie in the store: under which key, sealed by what. */
  readonly #lie = new WeakMap<Uint8Array, { key: string; prefix: string }>();
  #onClose: () => void = () => {};

  constructor(store: Store, encrypted: readonly Encrypted[]) {
    this.#store = store;
    this.#encrypted = encrypted;
  }

  /** From now on; what was written before must be readable by one of the new providers. */
  use(encrypted: readonly Encrypted[]): void {
    this.#encrypted = encrypted;
    this.#providers.clear();
  }

  onClose(work: () => void): void {
    this.#onClose = work;
  }

  revision(): Promise<bigint> {
    return this.#store.revision();
  }

  oldest(): Promise<bigint> {
    return this.#store.oldest();
  }

  async size(): Promise<number | undefined> {
    return this.#store.size?.();
  }

  compact(revision: bigint): Promise<void> {
    return this.#store.compact(revision);
  }

  close(): Promise<void> {
    this.#onClose();
    return this.#store.close();
  }

  stale(value: Uint8Array): boolean {
    const lies = this.#lie.get(value);
    return lies !== undefined && lies.prefix !== (this.#providersOf(lies.key)?.[0]?.prefix ?? '');
  }

  async get(key: string): Promise<{ revision: bigint; entry: Entry | undefined }> {
    const { revision, entry } = await this.#store.get(key);
    return { revision, entry: entry && this.#plain(entry) };
  }

  async list(prefix: string, options?: ListOptions): Promise<Listing> {
    const listing = await this.#store.list(prefix, options);
    return { ...listing, entries: listing.entries.map((entry) => this.#plain(entry)) };
  }

  commit(writes: readonly Write[]): Promise<bigint> {
    return this.#store.commit(writes.map((write) => (write.value ? { ...write, value: this.#seal(write.key, write.value) } : write)));
  }

  async *watch(prefix: string, after: bigint, signal: AbortSignal): AsyncGenerator<{ changes: readonly Change[]; progress: bigint }> {
    for await (const { changes, progress } of this.#store.watch(prefix, after, signal))
      yield { changes: changes.map((change) => this.#plainChange(change)), progress };
  }

  #plain(entry: Entry): Entry {
    const value = this.#open(entry.key, entry.value);
    return value === entry.value ? entry : { key: entry.key, revision: entry.revision, value };
  }

  #plainChange(change: Change): Change {
    const { revision, key, value, previous } = change;
    return {
      revision,
      key,
      ...(value ? { value: this.#open(key, value) } : {}),
      ...(previous ? { previous: this.#open(key, previous) } : {}),
    };
  }

  #seal(key: string, value: Uint8Array): Uint8Array {
    const first = this.#providersOf(key)?.[0];
    this.#lie.set(value, { key, prefix: first?.prefix ?? '' });
    if (first === undefined || first.prefix === '') return value;
    return new Uint8Array(Buffer.concat([Buffer.from(first.prefix), first.seal(value, key)]));
  }

  #open(key: string, value: Uint8Array): Uint8Array {
    const providers = this.#providersOf(key);
    if (providers === undefined) {
      this.#lie.set(value, { key, prefix: '' });
      return value;
    }
    const provider = providers.find(({ prefix }) => startsWith(value, prefix));
    if (provider === undefined || (provider.prefix === '' && MAGIC.equals(value.subarray(0, MAGIC.length)))) {
      const head = Buffer.from(value.subarray(0, 80)).toString('latin1');
      const found = /^k8s:enc:[a-z]+:v1:[^:]+:/.exec(head)?.[0] ?? 'no encryption';
      throw new Error(`${key} cannot be read: no provider of the encryption configuration fits (it has ${found})`);
    }
    let plain: Uint8Array;
    try {
      plain = provider.prefix === '' ? value : new Uint8Array(provider.open(value.subarray(provider.prefix.length), key));
    } catch (cause) {
      throw new Error(`${key} cannot be read: the key of ${provider.prefix} does not fit`, { cause });
    }
    this.#lie.set(plain, { key, prefix: provider.prefix });
    return plain;
  }

  #providersOf(key: string): readonly Provider[] | undefined {
    const group = key.indexOf('/', 1);
    const plural = key.indexOf('/', group + 1);
    const end = key.indexOf('/', plural + 1);
    if (end < 0) return undefined;
    const prefix = key.slice(0, end);
    let providers = this.#providers.get(prefix);
    if (providers === undefined) {
      const name = key.slice(plural + 1, end);
      const domain = key.slice(group + 1, plural);
      const found = this.#encrypted.find(({ resources }) => resources.some((one) => covers(one, name, domain === 'core' ? '' : domain)));
      this.#providers.set(prefix, (providers = found?.providers ?? []));
    }
    return providers.length === 0 ? undefined : providers;
  }
}

/** The first entry that covers a resource counts, as upstream has it. */
function covers(wanted: string, plural: string, group: string): boolean {
  const dot = wanted.indexOf('.');
  const [name, domain] = dot < 0 ? [wanted, ''] : [wanted.slice(0, dot), wanted.slice(dot + 1)];
  return (domain === '*' || domain === group) && (name === '*' || name === plural);
}

const startsWith = (value: Uint8Array, prefix: string): boolean => {
  for (let i = 0; i < prefix.length; i++) if (value[i] !== prefix.charCodeAt(i)) return false;
  return true;
};
