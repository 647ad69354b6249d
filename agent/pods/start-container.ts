// One start of a container: image, environment, mounts, create, start, postStart. A start that fails says why in a StartProblem.
import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfigMap, Container, EphemeralContainer, Pod, Secret, Service } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { type Clock, step } from '../../kit/run/index.ts';
import { type Cri, type Image, isCriError, type PodSandboxStatus } from '../cri/index.ts';
import { DeviceProblem, type Devices } from '../devices/index.ts';
import { type PodPlace, VolumeProblem, type Volumes } from '../volumes/index.ts';
import { containerConfig } from './container-config.ts';
import { ContainerConfigProblem, environment } from './env.ts';
import { runHook } from './hooks.ts';
import type { ImagePulls } from './image-pulls.ts';
import type { PodEvents } from './pod-events.ts';
import type { PodFiles } from './pod-files.ts';
import { StartProblem } from './start-problem.ts';

/** Longest postStart: it holds back what comes after it in the pod. */
const POST_START_MAX_MS = 3_600_000;

/** What all pods of the node share. */
export interface StartTools {
  cri: Cri;
  clock: Clock;
  events: PodEvents;
  volumes: Volumes;
  devices: Devices;
  pulls: ImagePulls;
  podsDir: string;
  /** Bytes. */
  memoryCapacity: number;
  servicesFor(pod: Pod): readonly Service[];
}

export interface StartInputs {
  attempt: number;
  sandbox: PodSandboxStatus;
  place: PodPlace;
  volumePaths: ReadonlyMap<string, string>;
  files: PodFiles;
  image: Promise<Image>;
  /** Id of the container that an ephemeral one is to see from inside; undefined: that one does not run. */
  targetId: string | undefined;
  signal: AbortSignal;
  /** Called as soon as the process runs, before postStart. */
  onStarted(containerId: string): void;
}

/** Resolves true once it runs and postStart is done; false when postStart failed and the container must die. @throws StartProblem */
export async function startContainer(tools: StartTools, pod: Pod, container: Container, inputs: StartInputs): Promise<boolean> {
  const { cri, events } = tools;
  const image = await step('image', () => inputs.image);
  inputs.signal.throwIfAborted();
  const id = await create(tools, pod, container, image, inputs);
  events.container(pod, container.name, 'Normal', 'Created', 'Container created');
  try {
    await step('container.start', () => cri.startContainer(id));
  } catch (error) {
    throw failure(tools, pod, container, 'RunContainerError', error);
  }
  events.container(pod, container.name, 'Normal', 'Started', 'Container started');
  inputs.onStarted(id);
  const hook = container.lifecycle?.postStart;
  if (!hook) return true;
  try {
    const place = { cri, clock: tools.clock, containerId: id, container, podIP: inputs.place.podIPs[0] ?? '', signal: inputs.signal };
    await step('hook.post-start', () => runHook(hook, place, POST_START_MAX_MS));
    return true;
  } catch {
    if (inputs.signal.aborted) return true; // the pod is going anyway
    events.container(pod, container.name, 'Warning', 'FailedPostStartHook', 'PostStartHook failed');
    return false;
  }
}

async function create(tools: StartTools, pod: Pod, container: Container, image: Image, inputs: StartInputs): Promise<string> {
  const { cri, volumes } = tools;
  const uid = pod.metadata.uid ?? '';
  const namespace = pod.metadata.namespace ?? '';
  let config: Awaited<ReturnType<typeof containerConfig>>;
  try {
    const given = await step('devices', () => tools.devices.prepare(pod, container));
    const own = await environment(pod, container, {
      place: inputs.place,
      services: tools.servicesFor(pod),
      volumeFile: (volume, path) => readVolumeFile(inputs.volumePaths.get(volume) ?? '', path),
      configMap: (name) => volumes.objects.get<ConfigMap & KubeObject>('configmaps', namespace, name, uid),
      secret: (name) => volumes.objects.get<Secret & KubeObject>('secrets', namespace, name, uid),
    });
    // What the pod sets wins over what its devices bring.
    const env = new Map([...(given?.env ?? []), ...own]);
    const { attempt, files, targetId, volumePaths } = inputs;
    const target = (container as EphemeralContainer).targetContainerName;
    if (target && !targetId) throw new ContainerConfigProblem(`unable to find target container "${target}"`);
    const volumeImages = await imagesOfVolumes(tools, pod, container);
    const podFolder = join(tools.podsDir, uid);
    const { memoryCapacity } = tools;
    const recursiveReadOnly = await canReadOnlyRecursively(tools, container, inputs.sandbox);
    const mounts = { volumePaths, volumeImages, volumes, recursiveReadOnly };
    const { user: users } = inputs.sandbox.namespaces;
    const more = { ...(targetId ? { pidTarget: targetId } : {}), ...(given ? { devices: given } : {}), ...(users ? { users } : {}) };
    const sources = { attempt, image, env, files, podFolder, memoryCapacity, ...mounts, ...more };
    config = await step('container.config', () => containerConfig(pod, container, sources));
  } catch (error) {
    if (error instanceof StartProblem) throw error; // the image of a volume: told already
    throw failure(tools, pod, container, 'CreateContainerConfigError', error);
  }
  try {
    return await step('container.create', () => cri.createContainer(inputs.sandbox.id, config));
  } catch (error) {
    throw failure(tools, pod, container, 'CreateContainerError', error);
  }
}

/** Volumes of the container that are images, pulled by their own policy. @throws StartProblem */
async function imagesOfVolumes({ pulls }: StartTools, pod: Pod, container: Container): Promise<Map<string, string>> {
  const mounted = new Set((container.volumeMounts ?? []).map(({ name }) => name));
  const found = new Map<string, string>();
  for (const { name, image } of pod.spec?.volumes ?? []) {
    if (!image || !mounted.has(name)) continue;
    const { reference = '', pullPolicy } = image;
    const wanted: Container = { name: container.name, image: reference, ...(pullPolicy ? { imagePullPolicy: pullPolicy } : {}) };
    found.set(name, (await pulls.ensure(pod, wanted)).id);
  }
  return found;
}

/** Asked only when a mount wants it. */
async function canReadOnlyRecursively({ cri }: StartTools, container: Container, sandbox: PodSandboxStatus): Promise<boolean> {
  if (!container.volumeMounts?.some(({ recursiveReadOnly = 'Disabled' }) => recursiveReadOnly !== 'Disabled')) return false;
  const { handlers } = await cri.status();
  return handlers.find(({ name }) => name === sandbox.runtimeHandler)?.recursiveReadOnlyMounts ?? false;
}

/** Only what lies inside the volume is read. */
async function readVolumeFile(folder: string, path: string): Promise<{ path: string; text: string | undefined }> {
  const full = join(folder, path);
  const real = await realpath(full).catch(() => '');
  const base = await realpath(folder).catch(() => ' ');
  return { path: full, text: real.startsWith(`${base}/`) ? await readFile(real, 'utf8').catch(() => undefined) : undefined };
}

function failure(tools: StartTools, pod: Pod, container: Container, reason: string, error: unknown): StartProblem {
  const message = error instanceof Error ? error.message : String(error);
  tools.events.container(pod, container.name, 'Warning', 'Failed', `Error: ${message}`);
  const isKnown =
    error instanceof ContainerConfigProblem || error instanceof VolumeProblem || error instanceof DeviceProblem || isCriError(error);
  return new StartProblem(
    isCriError(error, 'CreateContainerConfigError') ? error.reason : reason,
    message,
    10_000,
    error instanceof ContainerConfigProblem ? error.cause : isKnown ? undefined : error,
  );
}
