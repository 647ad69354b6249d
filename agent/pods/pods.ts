// The pods of this node: a worker for each, fed by the watch and by the runtime's events; what belongs to no pod is removed.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Service as KubeService, Node, Pod } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { type Client, createInformer, type EventRecorder, type Informer, type InformerFactory, RESOURCES } from '../../kit/client/index.ts';
import { type Clock, type Logger, neverFails, repeat, type Service } from '../../kit/run/index.ts';
import type { Cri, RegistryAuth } from '../cri/index.ts';
import type { Devices } from '../devices/index.ts';
import { isMirror, MirrorPods, type StaticFiles, staticFiles } from '../static/index.ts';
import { type Drivers, type LocalPaths, Volumes } from '../volumes/index.ts';
import type { Refusal } from './admission.ts';
import { collectGarbage, GARBAGE_EVERY_MS } from './garbage.ts';
import { Gate } from './gate.ts';
import { ImagePulls } from './image-pulls.ts';
import { GRACE_ANNOTATION } from './names.ts';
import { PodEvents } from './pod-events.ts';
import type { ClusterNames } from './pod-files.ts';
import { pullSecrets, type SecretData } from './pull-secrets.ts';
import { QosGroups } from './qos-groups.ts';
import { type PodStart, Starts } from './starts.ts';
import { PodWorker, type WorkerTools } from './worker.ts';

export interface PodsOptions {
  client: Client;
  informers: InformerFactory;
  cri: Cri;
  clock: Clock;
  log: Logger;
  recorder: EventRecorder;
  nodeName: string;
  hostIP: string;
  podsDir: string;
  localPaths: LocalPaths;
  drivers: Drivers;
  devices: Devices;
  /** Where CSI drivers stage volumes. */
  stagingDir: string;
  logDir: string;
  cluster: ClusterNames;
  allocatable: Readonly<Record<string, string>>;
  /** Bytes. */
  memoryCapacity: number;
  /** Folder of cgroups in which those of pods are made. */
  cgroupParent: string;
  /** Of every pod; -1: none. */
  podPidsLimit: number;
  /** Folder of static pods; undefined: none. */
  staticPodPath?: string;
  /** What may open an image's registry: out of the pod's pull secrets, then the node's own. */
  imageCredentials(image: string, secrets: readonly SecretData[]): Promise<RegistryAuth[]>;
  /** Why this node takes no such pod now (it is low on something, or going down); undefined: it does. */
  refusal?(pod: Pod): { reason: string; message: string } | undefined;
  /** For metrics. */
  onProbe?: NonNullable<WorkerTools['onProbe']>;
}

export interface Pods {
  /** Takes over what runs, and runs the pods of files: needs no API server. */
  readonly service: Service;
  /** Runs the pods that are bound to this node. */
  readonly fromApi: Service;
  /** Of this node, as last seen. */
  list(): Pod[];
  /** Ends a pod for the sake of the node: Failed, with a condition that says so and an event. */
  evict(uid: string, verdict: { reason: string; message: string; graceSeconds: number }): void;
  /** The same without an event: the node has said it of itself. */
  end(uid: string, verdict: { reason: string; message: string; graceSeconds: number }): void;
  get(namespace: string, name: string): Pod | undefined;
  /** Uids of the pods whose devices are not free; undefined while they are not all known. */
  deviceHolders(): ReadonlySet<string> | undefined;
  /** A pod's volumes that belong to CSI drivers, with what these count. */
  drivenVolumes: Volumes['driven'];
  /** How the last ones started. */
  starts(): readonly PodStart[];
}

/** The API server may be what runs here. */
const AS_LONG_AS_IT_TAKES_MS = 2 ** 31 - 1;

type PodObject = Pod & KubeObject;

export function createPods(options: PodsOptions): Pods {
  const pods = new NodePods(options);
  return {
    service: {
      name: 'pods',
      start: async () => {
        await pods.start();
        return { failed: neverFails, stop: async () => pods.stop() };
      },
    },
    fromApi: {
      name: 'pods of the API',
      start: async () => {
        await pods.startFromApi();
        return { failed: neverFails, stop: async () => {} };
      },
    },
    list: () => pods.list(),
    evict: (uid, verdict) => pods.evict(uid, verdict),
    end: (uid, verdict) => pods.end(uid, verdict),
    get: (namespace, name) => pods.get(`${namespace}/${name}`),
    deviceHolders: () => pods.holders(),
    drivenVolumes: (uid) => pods.drivenVolumes(uid),
    starts: () => pods.starts.list(),
  };
}

class NodePods {
  readonly informer: Informer<PodObject>;
  readonly starts = new Starts();
  readonly #options: PodsOptions;
  readonly #stop = new AbortController();
  readonly #gate: Gate;
  /** At the gate: their devices are being prepared, or the node is looked up. As last seen. */
  readonly #admitting = new Map<string, PodObject>();
  readonly #workers = new Map<string, PodWorker>();
  readonly #uidOfSandbox = new Map<string, string>();
  readonly #services: Informer<KubeService & KubeObject>;
  readonly #nodes: Informer<Node & KubeObject>;
  readonly #volumes: Volumes;
  readonly #tools: WorkerTools;
  readonly #mirrors: MirrorPods;
  readonly #qosGroups: QosGroups;
  #static: ReadonlyMap<string, Pod> = new Map();
  #staticFiles: StaticFiles | undefined;
  #isListed = false;
  #ended = Promise.withResolvers<void>();
  #garbage: { stop(): void } | undefined;

  constructor(options: PodsOptions) {
    this.#options = options;
    const { client, clock, cri, log } = options;
    const { signal } = this.#stop;
    const onError = (error: unknown) => log.debug({ err: error }, 'watch failed');
    this.informer = createInformer<PodObject>(
      client,
      RESOURCES.pods,
      { fieldSelector: `spec.nodeName=${options.nodeName}` },
      { signal, onError, syncTimeoutMs: AS_LONG_AS_IT_TAKES_MS },
    );
    this.#services = options.informers.of(RESOURCES.services);
    this.#services.addIndex('namespace', (service) => [service.metadata.namespace ?? '']);
    this.#nodes = options.informers.of(RESOURCES.nodes);
    this.#gate = new Gate({ ...options, nodes: this.#nodes, nextEnd: () => this.#nextEnd(), signal });
    options.devices.onChange(() => this.#devicesChanged());
    this.#volumes = new Volumes({
      client,
      podsDir: options.podsDir,
      localPaths: options.localPaths,
      drivers: options.drivers,
      nodeName: options.nodeName,
      stagingDir: options.stagingDir,
      events: options.recorder,
      clock,
      log,
      onChange: (uid) => this.#workers.get(uid)?.objectsChanged(),
    });
    this.#mirrors = new MirrorPods({
      client,
      clock,
      log,
      nodeName: options.nodeName,
      signal,
      seen: (key) => this.informer.get(key),
      mirrors: () => this.informer.list().filter(isMirror),
    });
    this.#qosGroups = new QosGroups(options);
    const events = new PodEvents(options.recorder);
    this.#tools = {
      ...options,
      signal,
      events,
      volumes: this.#volumes,
      starts: this.starts,
      pulls: new ImagePulls({ cri, clock, events, credentials: (pod, image) => this.#credentials(pod, image, events) }),
      servicesFor: (pod) => this.#servicesFor(pod),
      otherPods: (uid) => this.#activePods().filter(({ metadata }) => metadata.uid !== uid),
      onDone: (uid) => this.#forget(uid),
      onSandbox: (sandboxId, uid) => this.#uidOfSandbox.set(sandboxId, uid),
    };
  }

  async start(): Promise<void> {
    void this.#followRuntime();
    const { log, nodeName, staticPodPath } = this.#options;
    if (staticPodPath !== undefined)
      this.#staticFiles = await staticFiles({ folder: staticPodPath, nodeName, log, onPods: (pods) => this.#followFiles(pods) });
  }

  async startFromApi(): Promise<void> {
    await Promise.all([this.informer.synced, this.#services.synced, this.#nodes.synced]);
    this.#isListed = true;
    this.informer.on({
      added: (pod) => (isMirror(pod) ? this.#mirrorSeen(pod) : this.#add(pod)),
      updated: (before, pod) => {
        if (isMirror(pod)) this.#mirrorSeen(pod);
        else this.#update(pod);
        if (before.status?.phase !== pod.status?.phase || before.metadata.generation !== pod.metadata.generation) this.#roomMade(pod);
      },
      deleted: (pod) => (isMirror(pod) ? this.#mirrors.sync() : this.#remove(pod.metadata.uid ?? '')),
    });
    this.#mirrors.want(this.#static);
    await this.#removeOrphans();
    const { cri, log, logDir } = this.#options;
    const isKnown = (uid: string) => this.#workers.has(uid) || this.#static.has(uid);
    this.#garbage = repeat(
      GARBAGE_EVERY_MS,
      () => collectGarbage(cri, logDir, isKnown),
      (error) => log.warn({ err: error }, 'dead containers not removed'),
    );
  }

  /** An end or a resize of one pod may make room for another. */
  #roomMade({ metadata: { uid = '' } }: Pod): void {
    const worker = this.#workers.get(uid);
    if (worker && isActive(worker)) this.#qosGroups.put(worker.pod);
    else this.#qosGroups.drop(uid);
    for (const each of this.#workers.values()) each.roomMade();
  }

  /** A pod of a file is shown as the API knows it, once it does. */
  list(): Pod[] {
    const known = this.informer.list();
    const shown = new Set(known.map(({ metadata }) => metadata.annotations?.['kubernetes.io/config.mirror']));
    return [...known.map((pod) => this.#ownOf(pod)), ...[...this.#static.values()].filter(({ metadata }) => !shown.has(metadata.uid))];
  }

  get(key: string): Pod | undefined {
    const known = this.informer.get(key);
    if (known) return this.#ownOf(known);
    return [...this.#static.values()].find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === key);
  }

  /** Under the uid that the runtime knows: a mirror's own is the API's alone. */
  #ownOf(pod: Pod): Pod {
    const uid = pod.metadata.annotations?.['kubernetes.io/config.mirror'];
    return uid === undefined ? pod : { ...pod, metadata: { ...pod.metadata, uid } };
  }

  /** What is no longer in the folder ends, what is new there starts; a changed file is both. */
  #followFiles(pods: ReadonlyMap<string, Pod>): void {
    const before = this.#static;
    this.#static = pods;
    for (const uid of before.keys()) if (!pods.has(uid)) this.#workers.get(uid)?.remove();
    for (const [uid, pod] of pods) if (!before.has(uid)) this.#addWhenFree(uid, pod as PodObject);
    this.#mirrors.want(pods);
  }

  /** The one that had this name before ends first. */
  #addWhenFree(uid: string, pod: PodObject): void {
    const { clock, log } = this.#options;
    const { signal } = this.#stop;
    const holder = () =>
      [...this.#workers.values()].some(
        ({ pod: { metadata } }) =>
          metadata.name === pod.metadata.name && metadata.namespace === pod.metadata.namespace && metadata.uid !== uid,
      );
    void (async () => {
      while (holder()) await clock.sleep(100, signal);
      if (!this.#static.has(uid)) return;
      this.#add(pod);
      for (const mirror of this.informer.list()) if (isMirror(mirror)) this.#mirrorSeen(mirror); // it may have been here first
    })().catch((error: unknown) => {
      if (!signal.aborted) log.error({ err: error, pod: pod.metadata.name }, 'static pod not started');
    });
  }

  #mirrorSeen(mirror: Pod): void {
    this.#workers.get(mirror.metadata.annotations?.['kubernetes.io/config.mirror'] ?? '')?.mirrored(mirror);
    this.#mirrors.sync();
  }

  stop(): void {
    this.#staticFiles?.stop();
    this.#garbage?.stop();
    this.#stop.abort();
    for (const worker of this.#workers.values()) worker.close();
    this.#volumes.close();
  }

  #add(pod: PodObject): void {
    const uid = pod.metadata.uid ?? '';
    if (this.#workers.has(uid) || this.#admitting.has(uid)) return;
    // What ran here before the agent was restarted has been let in already.
    const isNew = pod.status?.startTime === undefined && pod.metadata.annotations?.['kubernetes.io/config.source'] !== 'file';
    const others = () =>
      this.#activePods().filter(({ metadata }) => metadata.uid !== uid && !this.#workers.get(metadata.uid ?? '')?.ending.isRemoved);
    const judged = isNew ? this.#gate.judge(pod, others) : undefined;
    if (!(judged instanceof Promise)) {
      this.#run(pod, judged);
      return;
    }
    this.#admitting.set(uid, pod);
    void judged.then((refused) => {
      const latest = this.#admitting.get(uid);
      this.#admitting.delete(uid);
      if (latest && !this.#stop.signal.aborted) this.#run(latest, refused);
    });
  }

  #update(pod: PodObject): void {
    const uid = pod.metadata.uid ?? '';
    if (this.#admitting.has(uid)) this.#admitting.set(uid, pod);
    else this.#workers.get(uid)?.update(pod);
  }

  #remove(uid: string): void {
    this.#admitting.delete(uid);
    this.#workers.get(uid)?.remove();
  }

  #run(pod: PodObject, refused: Refusal | undefined): void {
    const worker = new PodWorker(this.#tools, pod);
    this.#workers.set(pod.metadata.uid ?? '', worker);
    if (!refused && isActive(worker)) this.#qosGroups.put(worker.pod);
    if (refused) {
      this.#tools.events.pod(pod, 'Warning', refused.reason, refused.message);
      worker.fail(refused.reason, `Pod was rejected: ${refused.message}`, { refused: true });
    }
    worker.wake();
  }

  drivenVolumes(uid: string): ReturnType<Volumes['driven']> {
    return this.#volumes.driven(uid);
  }

  evict(uid: string, verdict: { reason: string; message: string; graceSeconds: number }): void {
    const worker = this.#workers.get(uid);
    if (!worker || !this.end(uid, verdict)) return;
    this.#tools.events.pod(worker.pod, 'Warning', verdict.reason, verdict.message);
  }

  /** False: it is not here, or ends already. */
  end(uid: string, { reason, message, graceSeconds }: { reason: string; message: string; graceSeconds: number }): boolean {
    return this.#workers.get(uid)?.fail(reason, message, { graceSeconds, disrupts: true }) ?? false;
  }

  /** Their statuses show the health of what they were given. */
  #devicesChanged(): void {
    for (const worker of this.#workers.values()) if (this.#options.devices.wants(worker.pod)) worker.wake();
  }

  #nextEnd(): Promise<void> | undefined {
    return [...this.#workers.values()].some(({ ending }) => ending.isRemoved) ? this.#ended.promise : undefined;
  }

  /** Whose devices are not free; undefined while the API has not been heard. */
  holders(): ReadonlySet<string> | undefined {
    if (!this.#isListed) return undefined;
    const listed = this.list().filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');
    return new Set([...listed, ...this.#activePods()].map(({ metadata }) => metadata.uid ?? ''));
  }

  #activePods(): Pod[] {
    return [...[...this.#workers.values()].filter(isActive).map(({ pod }) => pod), ...this.#admitting.values()];
  }

  #forget(uid: string): void {
    this.#workers.delete(uid);
    this.#ended.resolve();
    this.#ended = Promise.withResolvers();
    this.#qosGroups.drop(uid);
    for (const worker of this.#workers.values()) worker.roomMade();
    for (const [sandboxId, owner] of this.#uidOfSandbox) if (owner === uid) this.#uidOfSandbox.delete(sandboxId);
  }

  async #followRuntime(): Promise<void> {
    const { cri, log } = this.#options;
    const { signal } = this.#stop;
    try {
      for await (const event of cri.events(signal)) {
        const uid = this.#uidOfSandbox.get(event.sandboxId);
        if (uid) this.#workers.get(uid)?.wake();
      }
    } catch (error) {
      if (!signal.aborted) log.error({ err: error }, 'events of the runtime have ended');
    }
  }

  /** What runs here for pods that were deleted while the agent was away. */
  async #removeOrphans(): Promise<void> {
    const { cri, log, logDir } = this.#options;
    const { signal } = this.#stop;
    const orphans = (await cri.listPodSandbox()).filter(({ metadata }) => !this.#workers.has(metadata.uid));
    for (const { id, metadata, annotations } of orphans) {
      void (async () => {
        const graceMs = Number(annotations[GRACE_ANNOTATION] ?? 30) * 1000;
        const running = await cri.listContainers({ sandboxId: id, state: 'running' });
        await Promise.all(running.map((container) => cri.stopContainer(container.id, graceMs)));
        await cri.removePodSandbox(id);
        if (this.#workers.has(metadata.uid)) return;
        await this.#volumes.teardown(metadata.uid);
        await rm(join(logDir, `${metadata.namespace}_${metadata.name}_${metadata.uid}`), { recursive: true, force: true });
      })().catch((error: unknown) => {
        if (!signal.aborted) log.warn({ err: error, pod: `${metadata.namespace}/${metadata.name}` }, 'orphaned pod not removed');
      });
    }
    const withSandbox = new Set(orphans.map(({ metadata }) => metadata.uid));
    for (const uid of await readdir(this.#options.podsDir).catch(() => []))
      if (!this.#workers.has(uid) && !withSandbox.has(uid))
        await this.#volumes.teardown(uid).catch((error: unknown) => log.warn({ err: error, uid }, 'folder of a gone pod not removed'));
  }

  /** `kubernetes` is linked always, others of the pod's namespace when it wants links. */
  #servicesFor(pod: Pod): KubeService[] {
    const kubernetes = this.#services.get('default/kubernetes');
    const own = pod.spec?.enableServiceLinks === false ? [] : this.#services.by('namespace', pod.metadata.namespace ?? '');
    const others = own.filter(({ metadata }) => metadata.name !== 'kubernetes' || metadata.namespace !== 'default');
    return kubernetes ? [kubernetes, ...others] : others;
  }

  async #credentials(pod: Pod, image: string, events: PodEvents): Promise<RegistryAuth[]> {
    const { namespace = '', uid = '' } = pod.metadata;
    const read = async (name: string) => {
      const secret = await this.#volumes.objects.get('secrets', namespace, name, uid);
      return secret && (secret['data'] ?? {});
    };
    return await this.#options.imageCredentials(image, await pullSecrets(pod, read, events));
  }
}

const isActive = ({ pod: { status } }: PodWorker): boolean => status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
