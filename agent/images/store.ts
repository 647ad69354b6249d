// The image store: records, names and layers in one folder that all agents of a machine share. Everything appears by an
// atomic rename, so readers take no lock and a crash leaves only `tmp/`.
//   images/<hex>.json   one record an image; written last        configs/<hex>   its configuration, byte by byte
//   names/<encoded>     name -> image id                          layers/, skeletons/, tmp/: see layers.ts
import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { readFileIfExists, readFileIfExistsSync, writeFileAtomic } from '../../kit/fs/index.ts';
import type { ImageRecord } from './config.ts';
import { Layers } from './layers.ts';
import { mountedByContainers, shortName } from './mounted.ts';
import { isImageId, parseReference, referenceName, repositoryName } from './reference.ts';
import type { TarLimits } from './tar-walker.ts';

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

  readonly #layers: Layers;

  private constructor(folder: string, limits: Partial<TarLimits>) {
    this.folder = folder;
    this.#layers = new Layers(folder, limits);
  }

  /** @param limits of one layer, below those that the disk sets */
  static async open(folder: string, limits: Partial<TarLimits> = {}): Promise<ImageStore> {
    for (const name of ['images', 'configs', 'layers', 'skeletons', 'names', 'tmp']) await mkdir(`${folder}/${name}`, { recursive: true });
    const store = new ImageStore(folder, limits);
    await store.#layers.dropStale();
    await store.#checkAfterBoot();
    return store;
  }

  /** After a power failure files may be there without their content. What is broken goes, with its images: they are pulled again. */
  async #checkAfterBoot(): Promise<void> {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    const last = await readFileIfExists(`${this.folder}/boot`);
    if (last === boot) return;
    const broken = last === undefined ? [] : await this.#layers.dropBroken();
    if (broken.length > 0)
      for (const image of await this.list())
        if (image.layers.some((layer) => broken.includes(this.layerName(layer)))) await this.remove(image.id);
    await writeFileAtomic(`${this.folder}/boot`, boot, { mode: 0o644 });
  }

  /** A path for work in progress, on the store's file system. The caller removes it. */
  temporary(): string {
    return this.#layers.temporary();
  }
  /** Folder name of a layer below `layersFolder`. */
  layerName(diffId: string): string {
    return this.#layers.nameOf(diffId);
  }
  get layersFolder(): string {
    return this.#layers.folder;
  }
  /** The frame of a layer's tar, to make it again. */
  skeletonOf(diffId: string): string {
    return this.#layers.skeletonOf(this.layerName(diffId));
  }

  /** Unpacks a layer; false when it was there. @throws Error when the content is not what its digests say */
  addLayer(diffId: string, source: () => Promise<Readable>, digest?: string): Promise<boolean> {
    return this.#layers.add(diffId, source, digest);
  }

  /** Until disposed these layers stay, also before an image has them. */
  useLayers(diffIds: readonly string[]): Promise<AsyncDisposable> {
    return this.#layers.use(diffIds);
  }

  /** Records an image whose layers are all there, and gives it names (normalised ones). `configText` is what its id is the digest of. */
  async addImage(record: ImageRecord, names: readonly string[], configText: string): Promise<void> {
    await writeFileAtomic(this.#configFile(record.id), configText, { mode: 0o644 });
    await writeFileAtomic(this.#recordFile(record.id), JSON.stringify(record), { mode: 0o644, durable: true });
    this.#records.delete(record.id);
    for (const name of names) await this.addName(record.id, name);
  }

  async addName(id: string, name: string): Promise<void> {
    await writeFileAtomic(this.#nameFile(name), id, { mode: 0o644 });
  }

  /** The configuration as it came, or undefined for an image of an older store. */
  configText(id: string): Promise<string | undefined> {
    return readFileIfExists(this.#configFile(id));
  }

  /**
   * Ids of images that containers of this machine run or have as volumes. Another image of the same layers is not in use; of a mount that
   * does not name its image those are that end with its uppermost layer.
   */
  async idsInUse(): Promise<Set<string>> {
    const { images, unnamed } = mountedByContainers();
    const isUsed = ({ id, layers }: ImageRecord) =>
      images.has(shortName(id)) || layers.slice(-1).some((l) => unnamed.has(this.layerName(l)));
    return new Set((await this.list()).filter(isUsed).map(({ id }) => id));
  }

  /** Removes layers that no image, container or pull of this machine needs. Returns how many. */
  collectLayers(): Promise<number> {
    return this.#layers.collect(async () => (await this.list()).flatMap(({ layers }) => layers.map((l) => this.layerName(l))));
  }

  /** By any name, by id with or without `sha256:`, or by a prefix of the id of 12 digits and more. */
  async find(text: string): Promise<ImageRecord | undefined> {
    const hex = /^(?:sha256:)?([0-9a-f]{12,64})$/.exec(text)?.[1];
    if (hex) {
      const found = hex.length === 64 ? await this.#record(`sha256:${hex}`) : await this.#byPrefix(hex);
      if (found || text.startsWith('sha256:')) return found;
    }
    const id = readFileIfExistsSync(this.#nameFile(referenceName(parseReference(text))));
    return id === undefined ? undefined : await this.#record(id);
  }

  /** As `find`, with its names: no other image is looked at, since each start of a container asks. */
  async findListed(text: string): Promise<ListedImage | undefined> {
    const record = await this.find(text);
    return record && listed(record, (await this.#names()).get(record.id));
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
      if (record) out.push(listed(record, named.get(record.id)));
    }
    return out;
  }

  /** Names of each image, sorted. Read again only when the folder changed: every change there is a rename or a removal. */
  async #names(): Promise<Map<string, string[]>> {
    const { mtimeNs } = statSync(`${this.folder}/names`, { bigint: true });
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

  /** By id: all names go; by name: that name, and the image with its last one, with the layers that nobody else needs. */
  async remove(text: string): Promise<void> {
    const record = await this.find(text);
    if (!record) return;
    const names = (await this.#names()).get(record.id) ?? [];
    const byId = isImageId(text) && record.id.includes(text);
    const target = byId ? undefined : parseReference(text);
    const gone = target
      ? names.filter((n) => n === referenceName(target) || (n.includes('@') && n.startsWith(`${repositoryName(target)}@`)))
      : names;
    for (const name of gone) await rm(this.#nameFile(name), { force: true });
    if (gone.length === names.length) {
      await rm(this.#recordFile(record.id), { force: true });
      await rm(this.#configFile(record.id), { force: true });
      this.#records.delete(record.id);
      await this.collectLayers();
    }
  }

  #recordFile(id: string): string {
    return `${this.folder}/images/${id.slice('sha256:'.length)}.json`;
  }
  #configFile(id: string): string {
    return `${this.folder}/configs/${id.slice('sha256:'.length)}`;
  }
  #nameFile(name: string): string {
    return `${this.folder}/names/${encodeURIComponent(name)}`;
  }
}

const listed = (record: ImageRecord, names: readonly string[] = []): ListedImage => ({
  ...record,
  tags: names.filter((name) => !name.includes('@')),
  digests: names.filter((name) => name.includes('@')),
});
