// What is remembered of pulls for pods, so that pull-access.ts can judge: in a folder beside the images, for all who share these.
//   pulled/<hex>.json     by the image's id: who was let in, by repository
//   pulling/<uuid>.json   a pull under way; after a crash it tells that the image, should it be there, was no preloaded one
import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { identify, isAlive, type ProcessId } from '../../kit/exec/index.ts';
import { readFileIfExistsSync, writeFileAtomic } from '../../kit/fs/index.ts';
import type { PullCredential } from './keyring.ts';
import { type Access, isExempt, provenBy, type VerificationPolicy, withProof } from './pull-access.ts';
import { isImageId, normalizeName, parseReference, repositoryName } from './reference.ts';

/** As a runtime tells of it. */
export interface PresentImage {
  id: string;
  repoTags: readonly string[];
  repoDigests: readonly string[];
}

interface PullRecord {
  repositories: Record<string, Access>;
}

interface Pulling {
  name: string;
  by: ProcessId | undefined;
}

const NEW_MS = 60_000;

export class PullRecords {
  readonly #folder: string;
  readonly #policy: VerificationPolicy;

  private constructor(folder: string, policy: VerificationPolicy) {
    this.#folder = folder;
    this.#policy = policy;
  }

  /** @param images those that are there: of which some may come from pulls that a crash cut off */
  static async open(folder: string, policy: VerificationPolicy, images: () => Promise<readonly PresentImage[]>): Promise<PullRecords> {
    for (const name of ['pulled', 'pulling']) await mkdir(`${folder}/${name}`, { recursive: true, mode: 0o700 });
    const records = new PullRecords(folder, policy);
    await records.#settle(images);
    return records;
  }

  /** Whether a pod with these credentials may use the image, which is there, without asking its registry. */
  async isOpenTo(name: string, image: PresentImage, credentials: () => Promise<readonly PullCredential[]>): Promise<boolean> {
    const repository = repositoryOf(name);
    const record = this.#read(image.id);
    const access = record?.repositories[repository];
    const isPreloaded = !access && (!record || isNamed(image, repository)) && !this.#isBeingPulled(name);
    if (isExempt(this.#policy, repository, isPreloaded)) return true;
    if (!access) return false;
    if (access.everyPod) return true;
    const proof = provenBy(access, await credentials());
    if (proof) await this.pulled(name, image.id, proof);
    return proof !== undefined;
  }

  /** Until disposed the image counts as one that a pod pulls. */
  async pulling(name: string): Promise<AsyncDisposable> {
    const file = `${this.#folder}/pulling/${randomUUID()}.json`;
    const note: Pulling = { name: fullName(name), by: identify(process.pid) };
    await writeFileAtomic(file, JSON.stringify(note));
    return { [Symbol.asyncDispose]: () => rm(file, { force: true }) };
  }

  /** A pull has worked: with the credential, or without any. */
  async pulled(name: string, id: string, credential: PullCredential | undefined): Promise<void> {
    await this.#change(id, repositoryOf(name), (access) => withProof(access, credential));
  }

  /** Forgets images that are gone. What is new is kept: its image may have come after `present` was asked for. */
  async prune(present: ReadonlySet<string>, nowMs: number): Promise<void> {
    const kept = new Set([...present].map(fileOf));
    for (const file of await readdir(`${this.#folder}/pulled`)) {
      const path = `${this.#folder}/pulled/${file}`;
      const found = kept.has(file) ? undefined : await stat(path).catch(() => undefined); // another node may be faster
      if (!found || found.mtimeMs > nowMs - NEW_MS) continue;
      await rm(path, { force: true });
    }
  }

  /** Images of pulls whose process died are nobody's yet: who wants them shows credentials. */
  async #settle(images: () => Promise<readonly PresentImage[]>): Promise<void> {
    const dead = this.#pullsUnderWay().filter(({ by }) => !by || !isAlive(by));
    if (dead.length === 0) return;
    const present = await images();
    for (const { file, name } of dead) {
      for (const { id } of present.filter((image) => name !== '' && hasName(image, name)))
        await this.#change(id, repositoryOf(name), (access) => access);
      await rm(file, { force: true });
    }
  }

  #isBeingPulled(name: string): boolean {
    return this.#pullsUnderWay().some((pull) => pull.name === fullName(name));
  }

  /** There are few at a time, mostly none, and each start of a container asks. */
  #pullsUnderWay(): (Pulling & { file: string })[] {
    const files = readdirSync(`${this.#folder}/pulling`).filter((name) => name.endsWith('.json'));
    return files.flatMap((name) => {
      const file = `${this.#folder}/pulling/${name}`;
      const text = readFileIfExistsSync(file);
      return text === undefined ? [] : [{ ...parsed<Pulling>(text, { name: '', by: undefined }), file }];
    });
  }

  /** Two who write at once: one proof is lost, and shown again by the next pull. */
  async #change(id: string, repository: string, change: (access: Access) => Access): Promise<void> {
    const { repositories = {} } = this.#read(id) ?? {};
    const before = repositories[repository];
    const after = change(before ?? {});
    if (after === before) return;
    const record: PullRecord = { repositories: { ...repositories, [repository]: after } };
    await writeFileAtomic(`${this.#folder}/pulled/${fileOf(id)}`, JSON.stringify(record));
  }

  #read(id: string): PullRecord | undefined {
    const text = readFileIfExistsSync(`${this.#folder}/pulled/${fileOf(id)}`);
    return text === undefined ? undefined : parsed<PullRecord>(text, { repositories: {} });
  }
}

/** After a power failure a file may lack its content. What is not known lets nobody in. */
function parsed<T>(text: string, otherwise: T): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    return otherwise;
  }
}

const fileOf = (id: string): string => `${encodeURIComponent(id.replace(/^sha256:/, ''))}.json`;

const fullName = (name: string): string => (isImageId(name) ? name : normalizeName(name));

/** An image that is asked for by its id is of no repository. */
const repositoryOf = (name: string): string => (isImageId(name) ? name : repositoryName(parseReference(name)));

/** Without the `<none>:<none>` of some runtimes. */
const namesOf = ({ repoTags, repoDigests }: PresentImage): string[] =>
  [...repoTags, ...repoDigests].filter((name) => !name.startsWith('<'));

const isNamed = (image: PresentImage, repository: string): boolean => namesOf(image).some((name) => repositoryOf(name) === repository);

const hasName = (image: PresentImage, name: string): boolean => (isImageId(name) ? image.id.includes(name) : namesOf(image).includes(name));
