// Images for nodes whose runtime is not our own: such a runtime keeps its images itself, and gets copies of those in the store.
import { rm, writeFile } from 'node:fs/promises';
import { exportImages, type ImageStore } from '../agent/images/index.ts';
import { parseRuntime, type RuntimeChoice } from '../agent/runtime-choice.ts';
import { runtimeOf } from './options.ts';
import type { ClusterRecord } from './record.ts';

type Foreign = Exclude<RuntimeChoice, { kind: 'oci' }>;

/** Each once: nodes may share one. */
function foreignRuntimes({ nodes, options }: ClusterRecord): Foreign[] {
  const texts = new Set(nodes.map(({ name }) => runtimeOf(options, name)));
  return [...texts].map(parseRuntime).filter((choice) => choice.kind !== 'oci');
}

/** Their drivers are loaded when a node has one. */
async function imagesOf({ kind, socket }: Foreign) {
  if (kind === 'cri') return (await import('../agent/cri-remote/index.ts')).remoteImages(socket);
  return await (await import('../agent/cri-docker/index.ts')).dockerImages(socket);
}

/**
 * Gives other people's runtimes of the cluster the images of these names; with `missing` only those that they have not. Images without a
 * name are left out: nobody could ask for them there. @throws Error naming the socket or the image
 */
export async function giveImages(
  record: ClusterRecord,
  store: ImageStore,
  names: readonly string[],
  { missing = false } = {},
): Promise<void> {
  for (const runtime of foreignRuntimes(record)) {
    const images = await imagesOf(runtime);
    const archive = `${store.temporary()}.tar`;
    try {
      const wanted: string[] = [];
      for (const name of names) if (!name.startsWith('sha256:') && !(missing && (await images.has(name)))) wanted.push(name);
      if (wanted.length === 0) continue;
      await exportImages(store, wanted, archive);
      await images.load(archive);
    } finally {
      images.close();
      await rm(archive, { force: true });
    }
  }
}

/** Gives CRI runtimes the image that can hold their pods' namespaces (containerd: sandbox_image), so that they need no registry for it. */
export async function givePause(record: ClusterRecord, store: ImageStore): Promise<void> {
  for (const runtime of foreignRuntimes(record).filter(({ kind }) => kind === 'cri')) {
    const { PAUSE_IMAGE, pauseArchive } = await import('../agent/cri-docker/index.ts');
    const images = await imagesOf(runtime);
    const archive = `${store.temporary()}.tar`;
    try {
      if (await images.has(PAUSE_IMAGE)) continue;
      await writeFile(archive, pauseArchive());
      await images.load(archive);
    } finally {
      images.close();
      await rm(archive, { force: true });
    }
  }
}
