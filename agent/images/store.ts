// The image store: records, names and unpacked layers in one folder that all agents of a machine share. Everything appears by an
// atomic rename, so readers take no lock and a crash leaves only `tmp/`.
//   images/<hex>.json   one record an image; written last        layers/<hex24>/   one unpacked layer
//   names/<encoded>     name -> image id                          tmp/<pid>-<id>    work in progress
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { readFileIfExists, writeFileAtomic } from '../../kit/fs/index.ts';
import type { ImageRecord } from './config.ts';
import { parseReference, referenceName, repositoryName } from './reference.ts';
import { putInPlace, unpackLayer } from './unpack.ts';

export interface ListedImage extends ImageRecord {
  /** Normalised `name:tag`. */
  tags: string[];
  /** Normalised `name@sha256:…`. */
  digests: string[];
}

export class ImageStore {
  readonly folder: string;
  /** Records never change once written: read once. At most one entry an image. */
  readonly #records = new Map<string, ImageRecord>();
  #namesRead: { mtimeNs: bigint; names: Map<string, string[]> } | undefined;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(folder: string): Promise<ImageStore> {
    for (const name of ['images', 'layers', 'names', 'tmp']) await mkdir(`${folder}/${name}`, { recursive: true });
    const store = new ImageStore(folder);
    await store.#dropStale();
    return store;
  }

  /** What killed processes left in tmp/. */
  async #dropStale(): Promise<void> {
    for (const name of await readdir(`${this.folder}/tmp`))
      if (!existsSync(`/proc/${name.split('-')[0]}`)) await rm(`${this.folder}/tmp/${name}`, { recursive: true, force: true });
  }

  /** A path for work in progress, on the store's file system. The caller removes it. */
  temporary(): string {
    return `${this.folder}/tmp/${process.pid}-${randomUUID()}`;
  }

  /** Folder name of a layer below `layers/`: short, because overlayfs takes at most a page of mount options. */
  layerName(diffId: string): string {
    return diffId.slice('sha256:'.length, 'sha256:'.length + 24);
  }
  get layersFolder(): string {
    return `${this.folder}/layers`;
  }
  hasLayer(diffId: string): boolean {
    return existsSync(`${this.layersFolder}/${this.layerName(diffId)}`);
  }

  /** Unpacks a layer unless it is there. @throws Error when the content is not what its digests say */
  async addLayer(diffId: string, source: () => Promise<Readable>, digest?: string): Promise<void> {
    if (this.hasLayer(diffId)) return;
    const folder = this.temporary();
    try {
      const read = await unpackLayer(await source(), folder);
      if (read.diffId !== diffId) throw new Error(`layer ${diffId} is ${read.diffId}`);
      if (digest && read.digest !== digest) throw new Error(`blob ${digest} is ${read.digest}`);
      await putInPlace(folder, `${this.layersFolder}/${this.layerName(diffId)}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Records an image whose layers are all there, and gives it names (normalised ones). */
  async addImage(record: ImageRecord, names: readonly string[]): Promise<void> {
    await writeFileAtomic(this.#recordFile(record.id), JSON.stringify(record), { mode: 0o644, durable: true });
    for (const name of names) await writeFileAtomic(this.#nameFile(name), record.id, { mode: 0o644 });
  }

  /** By any name, by id with or without `sha256:`, or by a prefix of the id of 12 digits and more. */
  async find(text: string): Promise<ImageRecord | undefined> {
    const hex = /^(?:sha256:)?([0-9a-f]{12,64})$/.exec(text)?.[1];
    if (hex) {
      const found = hex.length === 64 ? await this.#record(`sha256:${hex}`) : await this.#byPrefix(hex);
      if (found || text.startsWith('sha256:')) return found;
    }
    const id = await readFileIfExists(this.#nameFile(referenceName(parseReference(text))));
    return id === undefined ? undefined : await this.#record(id);
  }

  async #byPrefix(hex: string): Promise<ImageRecord | undefined> {
    const names = (await readdir(`${this.folder}/images`)).filter((name) => name.startsWith(hex) && name.endsWith('.json'));
    return names.length === 1 ? await this.#record(`sha256:${names[0]?.slice(0, -'.json'.length)}`) : undefined;
  }

  async #record(id: string): Promise<ImageRecord | undefined> {
    if (!existsSync(this.#recordFile(id))) {
      this.#records.delete(id);
      return undefined;
    }
    const known = this.#records.get(id);
    if (known) return known;
    const record = JSON.parse(await readFile(this.#recordFile(id), 'utf8')) as ImageRecord;
    this.#records.set(id, record);
    return record;
  }

  async list(): Promise<ListedImage[]> {
    const named = await this.#names();
    const files = (await readdir(`${this.folder}/images`)).filter((name) => name.endsWith('.json')).sort();
    const out: ListedImage[] = [];
    for (const file of files) {
      const record = await this.#record(`sha256:${file.slice(0, -'.json'.length)}`);
      const names = record && named.get(record.id);
      if (record)
        out.push({ ...record, tags: (names ?? []).filter((n) => !n.includes('@')), digests: (names ?? []).filter((n) => n.includes('@')) });
    }
    return out;
  }

  /** Names of each image, sorted. Read again only when the folder changed: every change there is a rename or a removal. */
  async #names(): Promise<Map<string, string[]>> {
    const { mtimeNs } = await stat(`${this.folder}/names`, { bigint: true });
    if (this.#namesRead?.mtimeNs === mtimeNs) return this.#namesRead.names;
    const names = await this.#readNames();
    this.#namesRead = { mtimeNs, names };
    return names;
  }

  async #readNames(): Promise<Map<string, string[]>> {
    const out = new Map<string, string[]>();
    for (const file of (await readdir(`${this.folder}/names`)).sort()) {
      const id = file.includes('.tmp-') ? undefined : await readFileIfExists(`${this.folder}/names/${file}`);
      if (id !== undefined) out.set(id, [...(out.get(id) ?? []), decodeURIComponent(file)]);
    }
    return out;
  }

  /** By id: all names go; by name: that name, and the image with its last one. Layers stay: other images and running containers use them. */
  async remove(text: string): Promise<void> {
    const record = await this.find(text);
    if (!record) return;
    const names = (await this.#names()).get(record.id) ?? [];
    const byId = /^(?:sha256:)?[0-9a-f]{12,64}$/.test(text);
    const target = byId ? undefined : parseReference(text);
    const gone = target
      ? names.filter((n) => n === referenceName(target) || (n.includes('@') && n.startsWith(`${repositoryName(target)}@`)))
      : names;
    for (const name of gone) await rm(this.#nameFile(name), { force: true });
    if (gone.length === names.length) {
      await rm(this.#recordFile(record.id), { force: true });
      this.#records.delete(record.id);
    }
  }

  #recordFile(id: string): string {
    return `${this.folder}/images/${id.slice('sha256:'.length)}.json`;
  }
  #nameFile(name: string): string {
    return `${this.folder}/names/${encodeURIComponent(name)}`;
  }
}
