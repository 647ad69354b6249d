// One pod on this node: looks at what is there, lets step.ts decide, performs, reports; again whenever something has happened.
// The only writer of its pod. What it remembers beside the CRI's records may be lost at any time without harm.
import { join } from 'node:path';
import type { EphemeralContainer, Pod, PodStatus } from '../../api/gen/types/core.v1.ts';
import { deepEqual } from '../../api/meta/index.ts';
import type { Client } from '../../kit/client/index.ts';
import { backoffMs, type Logger, rfc3339Micro, Story, step, tell } from '../../kit/run/index.ts';
import type { ContainerStatus, Image, PodSandboxStatus } from '../cri/index.ts';
import type { PodPlace } from '../volumes/index.ts';
import { Alarm } from './alarm.ts';
import { Condemned } from './condemned.ts';
import { forgetContainer } from './garbage.ts';
import { Holds } from './holds.ts';
import type { ImagePulls } from './image-pulls.ts';
import { findContainer, POD_UID_LABEL, podText } from './names.ts';
import { type ClusterNames, type PodFiles, writePodFiles } from './pod-files.ts';
import { removeFromApi, removeFromNode } from './pod-removal.ts';
import type { ProbeKind } from './probe-verdict.ts';
import { Prober } from './prober.ts';
import { Resizer, type ResizerTools } from './resizer.ts';
import { isSidecar, restarts } from './restart.ts';
import { ofFormerLife } from './restart-all.ts';
import { runtimeHandler } from './runtime-handler.ts';
import { sandboxConfig } from './sandbox-config.ts';
import { type StartTools, startContainer } from './start-container.ts';
import { StartProblem } from './start-problem.ts';
import type { Starts } from './starts.ts';
import { podStatus } from './status.ts';
import { StatusWriter } from './status-writer.ts';
import { type Decision, hasExited, newest, nextSteps, RESIZE, SANDBOX, type Step, stepKey } from './step.ts';
import { stopContainer } from './stop-container.ts';
import { readTerminationMessage } from './termination-message.ts';
import { VolumeKeeper } from './volume-keeper.ts';

export interface WorkerTools extends StartTools, Pick<ResizerTools, 'otherPods'> {
  client: Client;
  log: Logger;
  pulls: ImagePulls;
  starts: Starts;
  cluster: ClusterNames;
  logDir: string;
  podPidsLimit: number;
  hostIP: string;
  allocatable: Readonly<Record<string, string>>;
  /** Ends all waiting; containers go on. */
  signal: AbortSignal;
  /** The worker has nothing more to do, ever. */
  onDone(uid: string): void;
  /** For metrics. */
  onProbe?(pod: Pod, container: string, kind: ProbeKind, ok: boolean | undefined): void;
  /** Whose events are to wake this worker. */
  onSandbox(sandboxId: string, uid: string): void;
}

/** Looks in a row without a pause. */
const ROUNDS_MAX = 10;

interface Verdict {
  reason: string;
  message: string;
  disrupts?: boolean;
  refused?: boolean;
}

interface Seen {
  sandboxes: PodSandboxStatus[];
  sandbox: PodSandboxStatus | undefined;
  containers: ContainerStatus[];
}

export class PodWorker {
  readonly #tools: WorkerTools;
  readonly #uid: string;
  readonly #seenAt: string;
  /** As the API shows it. */
  #wanted: Pod;
  /** The same with the resources that it is given. */
  #pod: Pod;
  readonly #resizer: Resizer;
  #isRecovered: boolean;
  readonly #writer: StatusWriter;
  readonly #prober: Prober;
  readonly #holds = new Holds();
  /** Steps being performed, by key. */
  readonly #busy = new Map<string, AbortController>();
  readonly #condemned = new Condemned();
  readonly #messages = new Map<string, string>();
  /** Restarts that a BackOff event was written for: `name attempt`. */
  readonly #toldBackoff = new Set<string>();
  readonly #volumes: VolumeKeeper;
  #files: PodFiles | undefined;
  #firstImage: { container: string; image: Promise<Image> } | undefined;
  /** Of the start, until the pod is ready or has ended. */
  #story: Story | undefined;
  #removed = false;
  #verdict: Verdict | undefined;
  #graceUntilMs: number | undefined;
  #sandbox: PodSandboxStatus | undefined;
  #state: 'idle' | 'looking' | 'look again' | 'done' = 'idle';
  readonly #alarm: Alarm;

  constructor(tools: WorkerTools, pod: Pod) {
    this.#tools = tools;
    this.#uid = pod.metadata.uid ?? '';
    this.#seenAt = rfc3339Micro(tools.clock.nowMs());
    this.#wanted = this.#marked(pod);
    this.#pod = this.#wanted;
    this.#resizer = new Resizer(tools, this.#uid);
    this.#isRecovered = pod.status?.startTime === undefined;
    if (this.#isRecovered) this.#pod = this.#resizer.admit(this.#wanted);
    this.#writer = new StatusWriter(tools, pod);
    if (!pod.status?.startTime && !pod.metadata.deletionTimestamp) this.#story = new Story();
    this.#prober = new Prober({
      cri: tools.cri,
      clock: tools.clock,
      events: tools.events,
      onChange: () => this.wake(),
      onProbe: (container, kind, ok) => tools.onProbe?.(this.#pod, container, kind, ok),
      onUnhealthy: (containerId, name, kind, graceSeconds) => {
        this.#condemned.byProbe(this.#pod, containerId, name, kind, graceSeconds);
        this.wake();
      },
    });
    this.#volumes = new VolumeKeeper(tools, this.#holds);
    this.#alarm = new Alarm(tools.clock, () => this.wake());
    this.#noteDeletion();
  }

  /** With the resources that it is given. */
  get pod(): Pod {
    return this.#pod;
  }

  /** Gone from the API; its containers may still be ending. */
  get isRemoved(): boolean {
    return this.#removed;
  }

  /** Others have left: a resize that waited for it may go on. */
  roomMade(): void {
    if (!this.#resizer.isDeferred) return;
    this.#pod = this.#resizer.admit(this.#wanted);
    this.wake();
  }

  /** The watch shows a newer state of the pod. */
  update(pod: Pod): void {
    const { labels, annotations } = this.#pod.metadata;
    this.#writer.seen(pod);
    this.#wanted = this.#marked(pod);
    this.#pod = this.#isRecovered ? this.#resizer.admit(this.#wanted) : this.#wanted;
    const after = this.#pod.metadata;
    if (!deepEqual([labels, annotations], [after.labels, after.annotations])) this.#volumes.changed();
    this.#noteDeletion();
    this.wake();
  }

  /** Upstream's node marks its pods with where and when it saw them; containers see that through the downward API. */
  #marked(pod: Pod): Pod {
    const annotations = { 'kubernetes.io/config.source': 'api', ...pod.metadata.annotations, 'kubernetes.io/config.seen': this.#seenAt };
    return { ...pod, metadata: { ...pod.metadata, annotations } };
  }

  /** This pod comes from a file: its status is for the pod that stands for it in the API, as the watch shows it. */
  mirrored(mirror: Pod): void {
    this.#writer.seen(mirror);
    this.wake();
  }

  /** The pod is gone from the API: whatever runs ends, nothing is reported. */
  remove(): void {
    this.#removed = true;
    this.#noteDeletion();
    this.wake();
  }

  /** A node-level decision against the pod; `disrupts`: it was well and ends for the sake of the node; `refused`: it was never let in. */
  fail(reason: string, message: string, { graceSeconds, ...more }: { graceSeconds?: number; disrupts?: true; refused?: true } = {}): void {
    if (this.#verdict) return;
    this.#verdict = { reason, message, ...more };
    if (graceSeconds !== undefined) this.#graceUntilMs = this.#tools.clock.nowMs() + graceSeconds * 1000;
    this.wake();
  }

  /** An object that the pod uses has changed. */
  objectsChanged(): void {
    this.#volumes.changed();
    this.#holds.retryAll();
    this.wake();
  }

  wake(): void {
    if (this.#state === 'looking') this.#state = 'look again';
    if (this.#state !== 'idle' || this.#tools.signal.aborted) return;
    this.#state = 'looking';
    void tell(this.#story, () => this.#lookUntilQuiet());
  }

  /** Ends waiting and probing; containers go on. */
  close(): void {
    this.#state = 'done';
    this.#alarm.set([]);
    this.#prober.close();
    for (const busy of this.#busy.values()) busy.abort();
  }

  async #lookUntilQuiet(): Promise<void> {
    for (let rounds = 1; ; rounds++) {
      try {
        // Looking may take no turn of the event loop at all: never keep it to ourselves.
        if (rounds % ROUNDS_MAX === 0) await this.#tools.clock.sleep(1, this.#tools.signal);
        await this.#look();
      } catch (error) {
        if (this.#tools.signal.aborted) return;
        this.#tools.log.error({ err: error, pod: podText(this.#pod) }, 'pod could not be looked at');
        this.#alarm.set([this.#tools.clock.nowMs() + 1000]);
      }
      const state = this.#state as string;
      if (state !== 'look again') break;
      this.#state = 'looking';
    }
    if (this.#state === 'looking') this.#state = 'idle';
  }

  async #look(): Promise<void> {
    const seen = await this.#see();
    this.#judgeDeadline();
    const decision = nextSteps(this.#pod, {
      nowMs: this.#tools.clock.nowMs(),
      stopping: this.#isStopping(),
      sandbox: seen.sandbox,
      containers: seen.containers,
      volumesReady: this.#volumes.paths !== undefined,
      busy: new Set(this.#busy.keys()),
      heldUntilMs: (name) => this.#holds.heldUntilMs(name, newest(seen.containers, name)),
      hasStarted: (id) => this.#prober.hasStarted(id),
      condemned: this.#condemned.ids,
      outdated: this.#followResize(seen),
    });
    for (const step of decision.steps) this.#begin(step, seen);
    this.#refreshVolumes(decision);
    this.#report(seen, decision.finished);
    this.#setAlarm(decision);
    if (decision.finished) await this.#finish(seen);
  }

  async #see(): Promise<Seen> {
    const { cri } = this.#tools;
    const [sandboxes, records] = await Promise.all([
      cri.listPodSandbox({ podUid: this.#uid }),
      cri.listContainers({ labels: { [POD_UID_LABEL]: this.#uid } }),
    ]);
    // In the middle of its start a container may look lost.
    const containers = records.filter(
      ({ state, metadata }) => !(state === 'unknown' && this.#busy.has(`start-container ${metadata.name}`)),
    );
    let sandbox: PodSandboxStatus | undefined;
    for (const one of sandboxes) {
      this.#tools.onSandbox(one.id, this.#uid);
      if (!sandbox || one.metadata.attempt > sandbox.metadata.attempt) sandbox = one;
    }
    this.#sandbox = sandbox;
    if (!this.#isRecovered) {
      await this.#resizer.recover(this.#pod, containers);
      this.#isRecovered = true;
      this.#pod = this.#resizer.admit(this.#wanted);
    }
    await this.#resizer.save();
    for (const record of containers) {
      if (!hasExited(record)) continue;
      this.#condemned.ended(record.id);
      if (!this.#messages.has(record.id))
        this.#messages.set(record.id, await readTerminationMessage(findContainer(this.#pod, record.metadata.name)?.container, record));
    }
    const running = containers.filter(({ state }) => state === 'running');
    this.#prober.follow(this.#pod, running, this.#place().podIPs[0] ?? '', this.#isStopping());
    this.#condemned.byChange(this.#pod, running);
    const former = ofFormerLife(this.#pod, containers);
    for (const record of former) if (record.state === 'running') this.#condemned.byStartingOver(this.#pod, record);
    return { sandboxes, sandbox, containers };
  }

  /** After a resize some containers must restart, others and the pod's group are told new limits. */
  #followResize(seen: Seen): boolean {
    if (this.#isStopping() || seen.sandbox?.state !== 'ready') return false;
    const running = seen.containers.filter(({ state }) => state === 'running');
    const { restart, update } = this.#resizer.compare(this.#pod, running);
    for (const record of restart) this.#condemned.byResize(this.#pod, record);
    return update;
  }

  async #resize(sandboxId: string, seen: Seen): Promise<void> {
    const running = seen.containers.filter(({ state }) => state === 'running');
    try {
      await this.#resizer.perform(this.#pod, sandboxId, running);
      this.#holds.cleared(RESIZE);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#holds.failed(RESIZE, new StartProblem('ResizeError', message), this.#tools.clock.nowMs());
    }
  }

  #report(seen: Seen, finished: boolean): void {
    // What has been reported as ended stays as reported; what is gone from the API has nobody to report to.
    const phase = this.#writer.base.phase;
    if (
      this.#removed ||
      ((phase === 'Succeeded' || phase === 'Failed') && !this.#pod.metadata.deletionTimestamp && this.#busy.size === 0 && !this.#verdict)
    )
      return;
    // The last container of a deleted pod and the pod itself end in one write.
    if (this.#isStopping() && !finished && seen.containers.every(hasExited) && seen.containers.length > 0 && !this.#verdict) return;
    const nowMs = this.#tools.clock.nowMs();
    const status = podStatus(
      { ...this.#pod, status: this.#writer.base },
      {
        sandbox: seen.sandbox,
        records: seen.containers,
        hostIP: this.#tools.hostIP,
        nowMs,
        finished,
        verdict: this.#verdict,
        waiting: (name) => this.#waiting(name, seen, nowMs),
        hasStarted: (id) => this.#prober.hasStarted(id),
        isReady: (id) => this.#prober.isReady(id),
        terminationMessage: (id) => this.#messages.get(id),
        isOutdated: (record) => this.#resizer.isOutdated(this.#pod, record),
        resize: this.#resizer.conditions,
        devices: (name) => this.#tools.devices.status(this.#pod, name),
      },
    );
    this.#writer.put(status);
    this.#endStory(status);
  }

  #endStory({ phase, conditions = [] }: PodStatus): void {
    const story = this.#story;
    const isOver = phase === 'Succeeded' || phase === 'Failed' || conditions.some((c) => c.type === 'Ready' && c.status === 'True');
    if (!story || !isOver) return;
    this.#story = undefined;
    void this.#writer.settled().then(() => this.#tools.log.debug(this.#tools.starts.add(this.#pod, story), 'pod started'));
  }

  #waiting(name: string, seen: Seen, nowMs: number) {
    const record = newest(seen.containers, name);
    const found = findContainer(this.#pod, name);
    // Upstream shows a crashed sidecar of a pod that never restarts as ended, although it comes back.
    if (found && isSidecar(found.container) && found.role === 'init' && this.#pod.spec?.restartPolicy === 'Never') return undefined;
    const waiting = this.#holds.waiting(name, record, podText(this.#pod), nowMs);
    if (hasExited(record) && found && !restarts(this.#pod, found.container, record.exitCode, found.role === 'init')) return undefined;
    // While it starts its back-off counts for the next time already.
    if (waiting?.reason === 'CrashLoopBackOff' && this.#busy.has(`start-container ${name}`)) return undefined;
    const told = `${name} ${record?.metadata.attempt}`;
    if (waiting?.reason === 'CrashLoopBackOff' && !this.#toldBackoff.has(told) && !this.#isStopping()) {
      this.#toldBackoff.add(told);
      const message = `Back-off restarting failed container ${name} in pod ${podText(this.#pod)}`;
      this.#tools.events.container(this.#pod, name, 'Warning', 'BackOff', message);
    }
    return waiting;
  }

  #begin(step: Step, seen: Seen): void {
    const key = stepKey(step);
    const abort = new AbortController();
    const begunMs = performance.now();
    this.#busy.set(key, abort);
    void this.#perform(step, seen, abort.signal)
      .catch((error: unknown) => {
        if (this.#tools.signal.aborted || abort.signal.aborted) return;
        this.#tools.log.warn({ err: error, pod: podText(this.#pod), step: key }, 'step failed');
        return this.#tools.clock.sleep(1000, this.#tools.signal).catch(() => {}); // the step is decided again afterwards
      })
      .finally(() => {
        this.#tools.log.debug({ pod: podText(this.#pod), step: key, ms: Math.round(performance.now() - begunMs) }, 'step done');
        this.#busy.delete(key);
        this.wake();
      });
    if (step.do === 'create-sandbox') this.#fetchFirstImage();
  }

  #perform(step: Step, seen: Seen, signal: AbortSignal): Promise<void> {
    switch (step.do) {
      case 'set-up-volumes':
        return this.#volumes.setUp(this.#pod, this.#place());
      case 'create-sandbox':
        return this.#createSandbox(step.attempt);
      case 'start-container':
        return this.#startContainer(step, seen, signal);
      case 'stop-container':
        return this.#stopContainer(step, signal);
      case 'resize':
        return this.#resize(step.sandboxId, seen);
      case 'stop-sandbox':
        return this.#tools.cri.stopPodSandbox(step.id);
    }
  }

  /** Volumes follow their objects while the pod runs. */
  #refreshVolumes(decision: Decision): void {
    if (!this.#volumes.isStale || decision.finished || this.#isStopping() || this.#busy.has('refresh-volumes')) return;
    this.#busy.set('refresh-volumes', new AbortController());
    void this.#volumes.refresh(this.#pod, this.#place()).finally(() => {
      this.#busy.delete('refresh-volumes');
      this.wake();
    });
  }

  async #createSandbox(attempt: number): Promise<void> {
    const { client, clock, cluster, cri, events } = this.#tools;
    try {
      const handler = await runtimeHandler(this.#pod, client, cri);
      const config = {
        ...sandboxConfig(this.#pod, attempt, this.#tools),
        ...(handler ? { runtimeHandler: handler } : {}),
      };
      const id = await step('sandbox', () => cri.runPodSandbox(config));
      this.#holds.cleared(SANDBOX);
      // The files show the new addresses; written now, while the volumes are still being made.
      const { ips } = await cri.podSandboxStatus(id);
      const folder = join(this.#tools.podsDir, this.#uid);
      this.#files = await step('pod.files', () => writePodFiles(folder, this.#pod, ips, cluster));
    } catch (error) {
      const message = `Failed to create pod sandbox: ${error instanceof Error ? error.message : String(error)}`;
      events.pod(this.#pod, 'Warning', 'FailedCreatePodSandBox', message);
      this.#holds.failed(
        SANDBOX,
        new StartProblem('FailedCreatePodSandBox', message, backoffMs(this.#holds.countFailure(SANDBOX), 1000, 60_000)),
        clock.nowMs(),
      );
    }
  }

  /** The first image is looked up, or pulled, while the network is made. */
  #fetchFirstImage(): void {
    const first = this.#pod.spec?.initContainers?.[0] ?? this.#pod.spec?.containers[0];
    if (!first || this.#firstImage) return;
    const image = this.#tools.pulls.ensure(this.#pod, first);
    image.catch(() => {}); // whoever starts the container sees it
    this.#firstImage = { container: first.name, image };
  }

  async #startContainer(step: Step & { do: 'start-container' }, seen: Seen, signal: AbortSignal): Promise<void> {
    const { clock, cri, pulls } = this.#tools;
    const found = findContainer(this.#pod, step.name);
    const sandbox = seen.sandbox;
    if (!found || !sandbox) return;
    const mine = seen.containers.filter(({ metadata }) => metadata.name === step.name);
    const last = newest(mine, step.name);
    try {
      const fetched = this.#firstImage?.container === step.name ? this.#firstImage.image : undefined;
      this.#firstImage = undefined;
      const image = fetched ?? pulls.ensure(this.#pod, found.container);
      image.catch(() => {});
      const folder = join(this.#tools.podsDir, this.#uid);
      this.#files ??= await writePodFiles(folder, this.#pod, sandbox.ips, this.#tools.cluster);
      let startedId = '';
      const done = await startContainer(this.#tools, this.#pod, found.container, {
        attempt: step.attempt,
        sandbox,
        place: this.#place(),
        volumePaths: this.#volumes.paths ?? new Map(),
        files: this.#files,
        image: abortable(image, signal),
        targetId: this.#targetOf(found.container, seen),
        signal,
        onStarted: (id) => {
          startedId = id;
          if (last) this.#holds.restarted(step.name, last, clock.nowMs());
          this.#holds.cleared(step.name);
          this.wake();
        },
      });
      if (!done) this.#condemned.byHook(this.#pod, startedId);
      // The last attempt is kept for lastState and `logs --previous`, older ones are not.
      for (const record of mine) if (record.metadata.attempt < step.attempt - 1) await this.#forget(cri, record);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof StartProblem)) throw error;
      this.#holds.failed(step.name, error, clock.nowMs());
      if (error.cause) this.#tools.log.warn({ err: error, pod: podText(this.#pod), container: step.name }, 'container not started');
    }
  }

  /** The running container that an ephemeral one is to look into. */
  #targetOf({ targetContainerName }: EphemeralContainer, seen: Seen): string | undefined {
    const record = targetContainerName ? newest(seen.containers, targetContainerName) : undefined;
    return record?.state === 'running' ? record.id : undefined;
  }

  async #forget(cri: WorkerTools['cri'], record: ContainerStatus): Promise<void> {
    this.#messages.delete(record.id);
    await forgetContainer(cri, record);
  }

  async #stopContainer(step: Step & { do: 'stop-container' }, signal: AbortSignal): Promise<void> {
    const { clock, cri, events } = this.#tools;
    const sentence = this.#isStopping() ? undefined : this.#condemned.sentence(step.id);
    await stopContainer(this.#pod, {
      cri,
      clock,
      events,
      signal,
      containerId: step.id,
      container: findContainer(this.#pod, step.name)?.container,
      podIP: this.#place().podIPs[0] ?? '',
      message: sentence?.message ?? `Stopping container ${step.name}`,
      graceMs: sentence?.graceMs ?? this.#graceLeftMs(),
    });
    // Dead, but its exit may not be recorded yet: leave the runtime's watcher its turn before looking again.
    const [record] = await cri.listContainers({ id: step.id });
    if (record && !hasExited(record)) await clock.sleep(5, signal).catch(() => {});
  }

  #graceLeftMs(): number {
    if (this.#graceUntilMs === undefined) return (this.#pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
    return Math.max(0, this.#graceUntilMs - this.#tools.clock.nowMs());
  }

  #isStopping(): boolean {
    // What has been reported as ended never runs again, also when the verdict is forgotten with the agent.
    const { phase } = this.#pod.status ?? {};
    const isOver = phase === 'Succeeded' || phase === 'Failed';
    return this.#removed || isOver || this.#verdict !== undefined || this.#pod.metadata.deletionTimestamp !== undefined;
  }

  /** The grace starts when the deletion is first seen; a later one may only shorten it. */
  #noteDeletion(): void {
    if (!this.#isStopping()) return;
    const { deletionGracePeriodSeconds, deletionTimestamp } = this.#pod.metadata;
    const seconds = (deletionTimestamp ? deletionGracePeriodSeconds : undefined) ?? this.#pod.spec?.terminationGracePeriodSeconds ?? 30;
    const untilMs = this.#tools.clock.nowMs() + seconds * 1000;
    const before = this.#graceUntilMs;
    if (before !== undefined && untilMs >= before) return;
    this.#graceUntilMs = untilMs;
    for (const [key, busy] of this.#busy) {
      if (key.startsWith('start-container')) busy.abort();
      // The stop that is under way has the longer grace: a second one overtakes it.
      if (before !== undefined && key.startsWith('stop-container '))
        void this.#tools.cri.stopContainer(key.slice('stop-container '.length), this.#graceLeftMs()).catch(() => {});
    }
  }

  #judgeDeadline(): void {
    const seconds = this.#pod.spec?.activeDeadlineSeconds;
    const start = this.#writer.base.startTime;
    if (seconds === undefined || !start || this.#verdict || this.#isStopping()) return;
    const phase = this.#writer.base.phase;
    if (phase === 'Succeeded' || phase === 'Failed') return;
    if (Date.parse(start) + seconds * 1000 > this.#tools.clock.nowMs()) return;
    const message = 'Pod was active on the node longer than the specified deadline';
    this.#verdict = { reason: 'DeadlineExceeded', message };
    this.#tools.events.pod(this.#pod, 'Normal', 'DeadlineExceeded', message);
  }

  #setAlarm(decision: Decision): void {
    const times = [decision.wakeAtMs];
    const { activeDeadlineSeconds } = this.#pod.spec ?? {};
    const start = this.#writer.base.startTime;
    if (!this.#isStopping() && !decision.finished) {
      times.push(this.#volumes.refreshAtMs);
      if (activeDeadlineSeconds !== undefined && start) times.push(Date.parse(start) + activeDeadlineSeconds * 1000);
    }
    this.#alarm.set(times);
  }

  #place(): PodPlace {
    const { hostIP, allocatable } = this.#tools;
    return { podIPs: this.#pod.spec?.hostNetwork ? [hostIP] : (this.#sandbox?.ips ?? []), hostIP, allocatable };
  }

  /** All has ended. A deleted pod leaves nothing behind, then leaves the API; a finished one keeps its records and logs. */
  async #finish(seen: Seen): Promise<void> {
    if (!this.#removed && !this.#pod.metadata.deletionTimestamp) {
      await this.#tools.volumes.unmount(this.#uid);
      return;
    }
    await this.#writer.settled();
    this.#prober.close();
    await removeFromNode(
      this.#tools,
      this.#pod,
      seen.sandboxes.map(({ id }) => id),
    );
    await removeFromApi(this.#tools, this.#pod, () => this.#removed);
    this.close();
    this.#tools.onDone(this.#uid);
  }
}

/** The promise, or the abort reason when that comes first. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
}
