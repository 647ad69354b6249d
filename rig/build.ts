// wherry build: a Dockerfile through buildah, with a storage and a root of our own, and the result into the nodes' images.
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { exportImages, ImageStore, importArchive, normalizeName } from '../agent/images/index.ts';
import { runInteractive, tryRun } from '../kit/exec/index.ts';
import { homeDir, imagesDir } from './layout.ts';

export interface BuildOptions {
  /** The folder with the files that the build may copy. */
  context: string;
  tag: string;
  /** Default: Containerfile or Dockerfile of the context. */
  file?: string;
  target?: string;
  buildArgs?: readonly string[];
  noCache?: boolean;
}

const MINUTES_MS = 60_000;

/** Shows the build on this terminal; returns the names of the image. @throws Error when buildah is missing or the build fails */
export async function buildImage(options: BuildOptions): Promise<string[]> {
  const name = normalizeName(options.tag);
  const { failure } = await tryRun('buildah', ['--version']);
  if (failure) throw new Error('building needs buildah: apt-get install buildah');
  const context = resolve(options.context);
  const file = options.file ?? ['Containerfile', 'Dockerfile'].map((f) => join(context, f)).find((f) => existsSync(f));
  if (file === undefined || !existsSync(file)) throw new Error(`${file ?? `${context}/Dockerfile`}: no such file`);
  const store = await ImageStore.open(imagesDir());
  const archive = `${store.temporary()}.tar`;
  try {
    await mkdir(buildahDir(), { recursive: true });
    await offerBases(store, await readFile(file, 'utf8'), archive);
    const args = [
      '--tag',
      name,
      '--file',
      file,
      ...(options.target ? ['--target', options.target] : []),
      ...(options.noCache ? ['--no-cache'] : []),
    ];
    const code = await runInteractive(
      buildah(['build', ...BUILD, ...args, ...(options.buildArgs ?? []).flatMap((a) => ['--build-arg', a]), context]),
    );
    if (code !== 0) throw new Error(`buildah failed with exit code ${code}`);
    await quietly(['push', '--quiet', name, `docker-archive:${archive}:${name}`]);
    return await importArchive(store, archive);
  } finally {
    await rm(archive, { force: true });
  }
}

/** chroot needs no runtime, daemon or network of its own; layers are kept for the next build. */
const BUILD = ['--isolation=chroot', '--layers', '--pull=false', '--format=docker'];
const buildahDir = (): string => join(homeDir(), 'buildah');
const buildah = (args: readonly string[]): [string, ...string[]] => [
  'buildah',
  `--root=${buildahDir()}/root`,
  `--runroot=${buildahDir()}/run`,
  '--storage-driver=vfs',
  ...args,
];

async function quietly(args: readonly string[]): Promise<void> {
  const [file, ...rest] = buildah(args);
  const { failure, stderr } = await tryRun(file, rest, { timeoutMs: 10 * MINUTES_MS });
  if (failure) throw new Error(`buildah ${args[0]}: ${stderr.trim() || failure.message}`);
}

/** Images of the nodes that the file builds upon: buildah would look for them in registries. */
async function offerBases(store: ImageStore, text: string, archive: string): Promise<void> {
  const bases = [...text.matchAll(/^\s*FROM\s+(?:--\S+\s+)*(\S+)/gim)].map(([, base]) => base!).filter((base) => /^[\w.:/@-]+$/.test(base));
  for (const base of new Set(bases)) {
    const found = base === 'scratch' ? undefined : await store.find(base).catch(() => undefined);
    if (!found) continue;
    await exportImages(store, [base], archive);
    await quietly(['pull', '--quiet', `docker-archive:${archive}`]);
    await rm(archive, { force: true });
  }
}
