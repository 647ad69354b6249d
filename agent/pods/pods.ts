// The pods of this node: a worker for each, fed by the watch and by the runtime's events; what belongs to no pod is removed.
import type { Service as KubeService, Node, Pod } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { type Client, createInformer, type EventRecorder, type Informer, type InformerFactory, RESOURCES } from '../../kit/client/index.ts';
import type { PodCgroups } from '../../kit/linux/index.ts';
import { isFinished } from '../../kit/pods/index.ts';
import { type Clock, type Logger, repeat } from '../../kit/run/index.ts';
import type { Cri, PodAccount, PullCredential, PullSecret } from '../cri/index.ts';
import type { Devices } from '../devices/index.ts';
import { isMirror, mirroredUid } from '../static/index.ts';
import { type Drivers, type LocalPaths, Volumes } from '../volumes/index.ts';
import type { Refusal } from './admission.ts';
import { ofApi, ownOf } from './api-pods.ts';
import { FilePods } from './file-pods.ts';
import { collectGarbage, GARBAGE_EVERY_MS } from './garbage.ts';
import { Gate } from './gate.ts';
import { type ImageAccess, ImagePulls } from './image-pulls.ts';
import { removeOrphans } from './orphans.ts';
import { podAccount } from './pod-account.ts';
import { PodEvents } from './pod-events.ts';
import type { ClusterNames } from './pod-files.ts';
import { PREEMPTING } from './preemption.ts';
import { pullSecrets } from './pull-secrets.ts';
import { QosGroups } from './qos-groups.ts';
import { type NodeVerdict, RoomMaker } from './room-maker.ts';
import { Starts } from './starts.ts';
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
  /** Makes the groups of classes of pods. */
  groups: PodCgroups;
  /** Of every pod; -1: none. */
  podPidsLimit: number;
  /** The runtime can keep the image's groups from a container. */
  supplementalGroupsPolicy: boolean;
  /** Folder of static pods; undefined: none. */
  staticPodPath?: string;
  /** What may open an image's registry: out of the pod's pull secrets, then the node's own. */
  imageCredentials(image: string, secrets: readonly PullSecret[], account: PodAccount | undefined): Promise<PullCredential[]>;
  imageAccess: ImageAccess;
  /** Why this node takes no such pod now (it is low on something, or going down); undefined: it does. */
  refusal?(pod: Pod): { reason: string; message: string } | undefined;
  /** For metrics. */
  onProbe?: NonNullable<WorkerTools['onProbe']>;
}

/** The API server may be what runs here. */
const AS_LONG_AS_IT_TAKES_MS = 2 ** 31 - 1;

type PodObject = Pod & KubeObject;

/** What `createPods` shows of it is for others. */
export class NodePods {
  readonly informer: Informer<PodObject>;
  readonly starts = new Starts();
  readonly roomMaker: RoomMaker;
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
  readonly #files: FilePods;
  readonly #qosGroups: QosGroups;
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
    this.roomMaker = new RoomMaker({
      clock,
      log,
      signal,
      evict: (uid, verdict) => this.evict(uid, verdict),
      isHere: (uid) => this.#workers.get(uid)?.isOver === false,
      nextEnd: () => this.#ended.promise,
    });
    this.#gate = new Gate({
      ...options,
      nodes: this.#nodes,
      nextEnd: () => this.#nextEnd(),
      hasRun: (podUid) =>
        cri.listPodSandbox({ podUid }).then(
          (found) => found.length > 0,
          () => true,
        ),
      preempt: (victims, shortage) => this.roomMaker.preempt(victims, shortage),
      signal,
    });
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
    this.#files = new FilePods({
      ...options,
      signal,
      folder: options.staticPodPath,
      informer: this.informer,
      workers: this.#workers,
      run: (pod) => this.#add(pod),
      remove: (uid) => this.#remove(uid),
    });
    this.#qosGroups = new QosGroups(options);
    const events = new PodEvents(options.recorder);
    this.#tools = {
      ...options,
      signal,
      events,
      volumes: this.#volumes,
      starts: this.starts,
      pulls: new ImagePulls({
        cri,
        clock,
        events,
        access: options.imageAccess,
        credentials: async (pod, image) =>
          options.imageCredentials(
            image,
            await pullSecrets(this.#volumes.objects, pod, events),
            podAccount(client, this.#volumes.tokens, pod),
          ),
      }),
      servicesFor: (pod) => this.#servicesFor(pod),
      otherPods: (uid) => this.#activePods().filter(({ metadata }) => metadata.uid !== uid),
      onOver: () => this.#oneEnded(),
      onDone: (uid) => this.#forget(uid),
      onSandbox: (sandboxId, uid) => this.#uidOfSandbox.set(sandboxId, uid),
    };
  }

  async start(): Promise<void> {
    await this.#volumes.recover();
    void this.#followRuntime();
    await this.#files.start();
  }

  async startFromApi(): Promise<void> {
    await Promise.all([this.informer.synced, this.#services.synced, this.#nodes.synced]);
    this.#isListed = true;
    const nodeSeen = (node: Node) => {
      if (node.metadata.name === this.#options.nodeName) this.#volumes.nodeSeen(node);
    };
    this.#nodes.on({ added: nodeSeen, updated: (_, node) => nodeSeen(node) });
    this.informer.on({
      added: (pod) => (isMirror(pod) ? this.#files.mirrorSeen(pod) : this.#add(ofApi(pod))),
      updated: (before, pod) => {
        if (isMirror(pod)) this.#files.mirrorSeen(pod);
        else this.#update(ofApi(pod));
        if (before.status?.phase !== pod.status?.phase || before.metadata.generation !== pod.metadata.generation) this.#roomMade(pod);
      },
      deleted: (pod) => (isMirror(pod) ? this.#files.mirrorGone() : this.#remove(pod.metadata.uid ?? '')),
    });
    this.#files.mirror();
    const { cri, log, logDir, podsDir } = this.#options;
    await removeOrphans({
      cri,
      volumes: this.#volumes,
      podsDir,
      logDir,
      log,
      signal: this.#stop.signal,
      isKnown: (uid) => this.#workers.has(uid),
    });
    const isKnown = (uid: string) => this.#workers.has(uid) || this.#files.has(uid);
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
    this.#retryResizes();
  }

  /** A resize that goes on may itself make room for one that was looked at before it. */
  #retryResizes(): void {
    let goesOn = true;
    while (goesOn) {
      goesOn = false;
      for (const worker of this.#workers.values()) if (worker.roomMade()) goesOn = true;
    }
  }

  /** A pod of a file is shown as the API knows it, once it does. */
  list(): Pod[] {
    const known = this.informer.list();
    const shown = new Set(known.map(mirroredUid));
    return [...known.map(ownOf), ...this.#files.list().filter(({ metadata }) => !shown.has(metadata.uid))];
  }

  get(key: string): Pod | undefined {
    const known = this.informer.get(key);
    if (known) return ownOf(known);
    return this.#files.list().find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === key);
  }

  stop(): void {
    this.#files.stop();
    this.#garbage?.stop();
    this.#stop.abort();
    for (const worker of this.#workers.values()) worker.close();
    this.#volumes.close();
  }

  #add(pod: PodObject): void | Promise<void> {
    const uid = pod.metadata.uid ?? '';
    if (this.#workers.has(uid) || this.#admitting.has(uid)) return;
    // What ran here before the agent was restarted has been let in already.
    const judged = pod.status?.startTime === undefined ? this.#gate.judge(pod, () => this.#othersThan(uid)) : undefined;
    if (!(judged instanceof Promise)) return this.#run(pod, judged);
    this.#admitting.set(uid, pod);
    return judged.then((refused) => {
      const latest = this.#admitting.get(uid);
      this.#admitting.delete(uid);
      if (latest && !this.#stop.signal.aborted) this.#run(latest, refused);
    });
  }

  /** Whom a new pod must fit beside; the room of those that end for a critical pod is that one's already. */
  #othersThan(uid: string): Pod[] {
    const isLeaving = ({ ending }: PodWorker) => ending.isRemoved || ending.verdict?.reason === PREEMPTING.reason;
    return this.#activePods().filter(({ metadata }) => {
      const worker = this.#workers.get(metadata.uid ?? '');
      return metadata.uid !== uid && !(worker && isLeaving(worker));
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

  evict(uid: string, verdict: NodeVerdict): void {
    const worker = this.#workers.get(uid);
    if (!worker || !this.end(uid, verdict)) return;
    this.#tools.events.pod(worker.pod, 'Warning', verdict.reason, verdict.message);
  }

  /** False: it is not here, or ends already. */
  end(uid: string, { reason, message, condition = message, ...grace }: NodeVerdict): boolean {
    return this.#workers.get(uid)?.fail(reason, message, { ...grace, disrupts: condition }) ?? false;
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
    const listed = this.list().filter((pod) => !isFinished(pod));
    return new Set([...listed, ...this.#activePods()].map(({ metadata }) => metadata.uid ?? ''));
  }

  #activePods(): Pod[] {
    return [...[...this.#workers.values()].filter(isActive).map(({ pod }) => pod), ...this.#admitting.values()];
  }

  #oneEnded(): void {
    this.#ended.resolve();
    this.#ended = Promise.withResolvers();
  }

  #forget(uid: string): void {
    this.#workers.delete(uid);
    this.#oneEnded();
    this.#qosGroups.drop(uid);
    this.#retryResizes();
    for (const [sandboxId, owner] of this.#uidOfSandbox) if (owner === uid) this.#uidOfSandbox.delete(sandboxId);
  }

  async #followRuntime(): Promise<void> {
    const { cri, log } = this.#options;
    const { signal } = this.#stop;
    try {
      for await (const { type, sandboxId } of cri.events(signal)) {
        if (type === 'created' || type === 'started') continue; // a step of the pod's own worker, which looks when it is over
        const uid = this.#uidOfSandbox.get(sandboxId);
        if (uid) this.#workers.get(uid)?.wake();
      }
    } catch (error) {
      if (!signal.aborted) log.error({ err: error }, 'events of the runtime have ended');
    }
  }

  /** `kubernetes` is linked always, others of the pod's namespace when it wants links. */
  #servicesFor(pod: Pod): KubeService[] {
    const kubernetes = this.#services.get('default/kubernetes');
    const own = pod.spec?.enableServiceLinks === false ? [] : this.#services.by('namespace', pod.metadata.namespace ?? '');
    const others = own.filter(({ metadata }) => metadata.name !== 'kubernetes' || metadata.namespace !== 'default');
    return kubernetes ? [kubernetes, ...others] : others;
  }
}

const isActive = ({ pod }: PodWorker): boolean => !isFinished(pod);
